"""Asking once: a page is drawn again at every click, the archive is asked only when the question changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from app.resources import meters, settings, turns
from medneg.archive import Archive, Where
from medneg.archive.ranking import Ranking
from medneg.chances import query_chances
from medneg.compiling import expansion, known_calibration, make_plan
from medneg.encoders import Encoder, head_for
from medneg.hits import explained_hits
from medneg.query import refine
from medneg.scoring import METHODS, SpaceName
from medneg.scoring.plan import contributions
from medneg.search import Answer, search
from medneg.values import Contribution, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that an answer depends on, but the archive's content."""

    query: Query
    method: str
    space: SpaceName
    encoder: str
    text_encoder: str | None
    k: int
    where: Where
    exclude_risk: float | None


def chosen_answer(store: Archive, encoder: Encoder, request: Request) -> Answer:
    """Search as asked, or give what this session was told when it last asked the very same.

    Raises:
        MednegError: if the query, the filter or the encoder does not fit the archive.
    """
    return _answer("chosen", store, encoder, request)


def plain_answer(store: Archive, encoder: Encoder, request: Request) -> Answer:
    """What every CLIP search would answer: cosine with the whole sentence, in the space as stored.

    Args:
        store: the archive.
        encoder: with the text tower that it was published with.
        request: as chosen on the page.
    """
    plain = replace(request, method="cosine", space="raw", text_encoder=None, exclude_risk=None)
    return _answer("plain", store, encoder, plain)


def terms_of(
    store: Archive, encoder: Encoder, request: Request, ids: list[int]
) -> list[tuple[Contribution, ...]]:
    """What the request's own plan would say of some images, whoever found them."""
    space, method = request.space, METHODS[request.method]
    query = refine(request.query) if method.refines else request.query
    head = head_for(encoder.card) if method.needs_head else None
    known, _ = known_calibration(store, encoder, method=method.name, space=space)
    plan = make_plan(query, encoder, known, method=method.name, space=space, head=head)
    parts = contributions(plan, store.vectors(plan.space.image_fingerprint, ids))
    ranking = Ranking(
        ids=np.asarray(ids), scores=parts.sum(axis=1), contributions=parts, exact=False, rescored=len(ids)
    )
    chances = query_chances(query, encoder, known, space=space, expand=expansion(encoder.card))
    hits, _ = explained_hits(store, query, plan, ranking, chances)
    return [hit.terms for hit in hits]


def forget_answers() -> None:
    """Ask anew even if the question is the same: images may have come in since."""
    st.session_state.pop("answers", None)


def _answer(slot: str, store: Archive, encoder: Encoder, request: Request) -> Answer:
    held = st.session_state.setdefault("answers", {})
    if slot not in held or held[slot][0] != request:
        with turns().turn():
            found = search(
                store,
                request.query,
                encoder,
                method=request.method,
                space=request.space,
                k=request.k,
                where=request.where,
                exclude_risk=request.exclude_risk,
                index=settings().index,
                who=_reader(),
            )
        meters().searched(found, door="page")
        held[slot] = (request, found)
    kept: Answer = held[slot][1]
    return kept


def _reader() -> str | None:
    """Whom the proxy in front has signed in, where the operator said that there is one."""
    header = settings().user_header
    return st.context.headers.get(header) if header else None
