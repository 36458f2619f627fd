"""Asking once: a page is drawn again at every click, the archive is asked only when the question changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from medneg.archive import Archive, Where
from medneg.encoders import Encoder
from medneg.scoring.plan import contributions
from medneg.search import Answer, SpaceName, known_calibration, make_plan, search
from medneg.values import Contribution, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that an answer depends on, but the archive's content."""

    query: Query
    method: str
    space: SpaceName
    encoder: str
    k: int
    where: Where


def chosen_answer(store: Archive, encoder: Encoder, request: Request) -> Answer:
    """Search as asked, or give what this session was told when it last asked the very same.

    Raises:
        MednegError: if the query, the filter or the encoder does not fit the archive.
    """
    return _answer("chosen", store, encoder, request)


def plain_answer(store: Archive, encoder: Encoder, request: Request) -> Answer:
    """What every CLIP search would answer: cosine with the whole sentence, in the space as stored."""
    return _answer("plain", store, encoder, replace(request, method="cosine", space="raw"))


def terms_of(
    store: Archive, encoder: Encoder, request: Request, ids: list[int]
) -> list[tuple[Contribution, ...]]:
    """What the request's own plan would say of some images, whoever found them."""
    fingerprint = encoder.card.image_fingerprint
    known, _ = known_calibration(store, encoder, method=request.method, space=request.space)
    plan = make_plan(request.query, encoder, known, method=request.method, space=request.space)
    return [
        tuple(
            Contribution(label=term.label, value=float(value), mention=term.mention)
            for term, value in zip(plan.terms, parts, strict=True)
        )
        for parts in contributions(plan, store.vectors(fingerprint, ids))
    ]


def forget_answers() -> None:
    """Ask anew even if the question is the same: images may have come in since."""
    st.session_state.pop("answers", None)


def _answer(slot: str, store: Archive, encoder: Encoder, request: Request) -> Answer:
    held = st.session_state.setdefault("answers", {})
    if slot not in held or held[slot][0] != request:
        found = search(
            store,
            request.query,
            encoder,
            method=request.method,
            space=request.space,
            k=request.k,
            where=request.where,
        )
        held[slot] = (request, found)
    kept: Answer = held[slot][1]
    return kept
