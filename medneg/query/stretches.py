"""Stretches of words that may name a finding although nobody understood them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from medneg.query.pieces import Chunk
from medneg.query.repair import is_term
from medneg.query.sentence import Sentence

Role = Literal["barrier", "joint", "known", "stop", "unread"]

_LONGEST = 6
_LEAST_LETTERS = 3
_BARRIERS = frozenset({"cue", "break", "open", "close"})


def stretches(sentence: Sentence) -> Iterator[tuple[int, int]]:
    """Tokens ``[first, end)`` that hold something not understood, between cues, commas and quotes.

    They neither begin nor end with a joint: "moth *or* axe" may be one finding, "or axe" is not.
    """
    roles = _roles(sentence)
    for first in range(len(roles)):
        for end in range(first + 1, min(first + _LONGEST, len(roles)) + 1):
            inside = roles[first:end]
            if "barrier" in inside:
                break
            if (
                "unread" in inside
                and "joint" not in (inside[0], inside[-1])
                and _is_whole(sentence, first, end)
            ):
                yield first, end


def _is_whole(sentence: Sentence, first: int, end: int) -> bool:
    """Whether a stretch has letters enough, and no short form of several tokens is cut at its ends."""
    tokens = sentence.tokens
    cut = any(
        0 < place < len(tokens) and tokens[place].start == tokens[place - 1].start for place in (first, end)
    )
    return not cut and sum(len(token.text) for token in tokens[first:end]) >= _LEAST_LETTERS


def _roles(sentence: Sentence) -> list[Role]:
    roles: list[Role] = ["stop"] * len(sentence.tokens)
    for piece in sentence.chunks:
        for place in range(piece.first, min(piece.end, len(roles))):
            roles[place] = _role(sentence, piece, place)
    for first, end in sentence.reading.spare:
        roles[first:end] = ["unread"] * (end - first)
    return roles


def _role(sentence: Sentence, piece: Chunk, place: int) -> Role:
    token = sentence.tokens[place]
    if piece.kind in _BARRIERS or piece.quoted or token.text == ",":
        return "barrier"
    if piece.kind == "joint":
        return "joint"
    if piece.kind in ("aside", "filler") or (piece.kind == "phrase" and piece.match is None):
        return "unread"
    if piece.kind != "phrase" or piece.match is None:
        return "stop"
    if piece.match.first <= place < piece.match.end:
        return "known"
    return "stop" if is_term(token.text) and token.text not in piece.strange else "unread"
