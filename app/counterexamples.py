"""The image that looks most alike and yet is another answer: it differs in one of the things asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.answers import Request
from medneg.archive import Archive, FindingFilter, ImageRow, Where
from medneg.archive.matrix import ScanMatrix
from medneg.archive.scan import top_k
from medneg.chances import log_odds, parts_of, query_chances
from medneg.compiling import expansion, known_calibration
from medneg.encoders import Encoder
from medneg.query import lexicon
from medneg.values import Linear, Mention, Plan, Query, Space, Term

Told = Literal["labels or reports", "probabilities"]
Masks = Mapping[Mention, tuple[NDArray[np.bool_], NDArray[np.bool_]]]
"""By mention the images that show it and those that do not, each of shape (n,); the rest is not known."""

MOST = 3
"""Counter-examples that are looked for: one for each of the first mentions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterExample:
    """An image that differs from another one in one mention, and in no other mention of the query.

    Attributes:
        mention: in which it differs.
        shows: whether it is the one that shows it.
        row: what is known of it.
        similarity: the cosine of the two images.
        told: how it is known what the two show.
    """

    mention: Mention
    shows: bool
    row: ImageRow
    similarity: float
    told: Told


def counter_examples(
    store: Archive, encoder: Encoder, request: Request, image_id: int
) -> tuple[CounterExample, ...]:
    """The most similar image for each mention that an image can differ in, in the order of the chips.

    What images show is what labels and reports say, or, where these are silent on the image, what the
    archive's calibration thinks more probable than not. Empty where neither tells.
    """
    stamp = store.matrix(encoder.card.image_fingerprint).stamp
    return _found(store, encoder, request, image_id, stamp)


@st.cache_data(max_entries=256, show_spinner=False)
def _found(
    _store: Archive, _encoder: Encoder, request: Request, image_id: int, stamp: str
) -> tuple[CounterExample, ...]:
    """``stamp`` tells one content of the archive from another."""
    fingerprint = _encoder.card.image_fingerprint
    matrix = _store.matrix(fingerprint)
    row = int(np.searchsorted(matrix.ids, image_id))
    if row == len(matrix) or matrix.ids[row] != image_id:
        return ()
    told: Told = "labels or reports"
    masks = _recorded(_store, request.query, matrix)
    if not _knows(masks, row):
        told, masks = "probabilities", _probable(_store, _encoder, request, matrix)
    if not _knows(masks, row):
        return ()
    found = []
    for mention in list(masks)[:MOST]:
        nearest = _nearest(_store, fingerprint, image_id, _differing(masks, row, mention))
        if nearest:
            shows = not masks[mention][0][row]
            found.append(
                CounterExample(mention=mention, shows=shows, row=nearest[0], similarity=nearest[1], told=told)
            )
    return tuple(found)


def _asked(query: Query) -> list[Mention]:
    words = lexicon()
    return [mention for mention in query.affirmed + query.negated if (mention.finding or "") in words]


def _recorded(store: Archive, query: Query, matrix: ScanMatrix) -> Masks:
    masks = {}
    for mention in _asked(query):
        finding = mention.finding or ""
        ids, above = (finding, *lexicon().descendants(finding)), lexicon().ancestors(finding)
        both = [
            store.mask(Where(findings=(FindingFilter(ids=ids, state=state, above=above),)), matrix.ids)
            for state in ("present", "absent")
        ]
        masks[mention] = (both[0], both[1])
    return masks


def _probable(store: Archive, encoder: Encoder, request: Request, matrix: ScanMatrix) -> Masks:
    """A finding with kinds is shown where one of them is; empty where a mention has no curve."""
    space = request.space
    known, _ = known_calibration(store, encoder, method=request.method, space=space)
    plan = query_chances(request.query, encoder, known, space=space, expand=expansion(encoder.card))
    odds = {} if plan is None else log_odds(plan, matrix)
    masks = {}
    for mention in _asked(request.query):
        parts = [odds[part] for part in parts_of(mention.finding or "", odds) if part in odds]
        if not parts:
            return {}
        shown = reduce(np.maximum, parts) > 0
        masks[mention] = (shown, ~shown)
    return masks


def _knows(masks: Masks, row: int) -> bool:
    """Whether it is known of an image what it shows of all that is asked."""
    return bool(masks) and all(shown[row] or lacking[row] for shown, lacking in masks.values())


def _differing(masks: Masks, row: int, mention: Mention) -> NDArray[np.bool_]:
    """The images that are known to differ from a row in one mention and to agree in all others."""
    fitting = []
    for each, (shown, lacking) in masks.items():
        same, other = (shown, lacking) if shown[row] else (lacking, shown)
        fitting.append(other if each == mention else same)
    found: NDArray[np.bool_] = np.logical_and.reduce(fitting)
    return found


def _nearest(
    store: Archive, fingerprint: str, image_id: int, mask: NDArray[np.bool_]
) -> tuple[ImageRow, float] | None:
    (image,) = store.vectors(fingerprint, [image_id])
    alike = Term(direction=image, response=Linear(weight=1.0), label="alike")
    ranking = top_k(
        Plan(terms=(alike,), space=Space(image_fingerprint=fingerprint)),
        store.matrix(fingerprint),
        1,
        mask=mask,
        fetch=lambda ids: store.vectors(fingerprint, ids.tolist()),
    )
    if not len(ranking.ids):
        return None
    return store.images(ranking.ids.tolist())[0], float(ranking.scores[0])
