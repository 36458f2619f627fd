"""`POST /api/search`: a question in, an answer out, in its turn."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from app import resources
from app.scoring_view import encoder_cards
from app.serving.questions import Question, read_question
from app.serving.threads import in_thread
from app.serving.thumbs import thumb
from app.serving.turns import PATIENCE, Busy, Turns
from app.towers import offered_towers
from medneg.archive import Archive
from medneg.encoders import Encoder
from medneg.errors import UnknownName
from medneg.search import Answer, parse_where, search


async def search_route(request: Request) -> JSONResponse:
    """Answer a search request.

    Raises:
        Refusal, MednegError: see docs/reference/http-api.md.
        ClientDisconnect: the client went away while it waited.
    """
    question = await read_question(request)
    header = resources.settings().user_header
    who = request.headers.get(header) if header else None
    turns = resources.turns()
    place = turns.join()
    try:
        await _wait(turns, place, request)
        return JSONResponse(await in_thread(lambda: _ask(question, who)))
    finally:
        turns.leave(place)


def offered() -> tuple[str, ...]:
    """The encoders that may be asked for, the default first."""
    named = resources.settings().encoder
    return named or tuple(encoder_cards(_archive()))[:1]


async def _wait(turns: Turns, place: Future[None], request: Request) -> None:
    """Wait for a turn, and for nothing once the client is gone."""
    if place.done():
        return
    turn = asyncio.wrap_future(place)
    gone = asyncio.ensure_future(request.receive())  # the body is read: only its going away is left to hear
    try:
        either: set[asyncio.Future[Any]] = {turn, gone}
        done, _ = await asyncio.wait(either, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if turn in done:
        return
    if done:
        raise ClientDisconnect
    turns.give_up(place)
    raise Busy


def _ask(question: Question, who: str | None) -> dict[str, Any]:
    store = _archive()
    answer = search(
        store,
        resources.load_parser().parse(question.query),
        _encoder(question),
        method=question.method,
        space=question.space,
        k=question.k,
        where=parse_where(question.where) if question.where else None,
        exclude_risk=question.exclude_risk,
        index=resources.settings().index,
        who=who,
    )
    resources.meters().searched(answer, door="api")
    return _told(store, answer)


def _told(store: Archive, answer: Answer) -> dict[str, Any]:
    """The answer for programs: paths may hold names, so images go by their pseudonyms."""
    told = answer.to_json()
    rows = store.images([hit.image_id for hit in answer.hits])
    for hit, row in zip(told["hits"], rows, strict=True):
        hit["thumb"] = f"/{thumb(row)}"
        if not resources.settings().show_paths:
            hit["image"] = row.image
    return told


def _encoder(question: Question) -> Encoder:
    """The encoder that was asked for; nothing is loaded that the operator did not name.

    Raises:
        UnknownName: if the service offers no such encoder or text tower.
    """
    names = offered()
    name = question.encoder or (names[0] if names else "")
    if name not in names:
        raise UnknownName("encoder", name, known=names)
    encoder = resources.load_encoder(name)
    if question.text_encoder is None:
        return encoder
    towers = offered_towers(encoder.card.image_fingerprint)
    if question.text_encoder not in towers:
        raise UnknownName("text encoder", question.text_encoder, known=tuple(towers))
    return resources.load_encoder(name, towers[question.text_encoder].location)


def _archive() -> Archive:
    return resources.open_archive(resources.archive_location())
