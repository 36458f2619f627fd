"""Parentheses and quotation marks: which of them mean something, and which pairs they form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from medneg.query.normalise import Token
from medneg.query.pieces import Chunk
from medneg.values import Span

_QUOTED = re.compile(r"\"([^\"]*)\"|“([^“”]*)”|«([^«»]*)»|(?<!\w)['‘’]([^'‘’]+)['‘’](?!\w)")
_MARKS = re.compile(r"[\"“”«»]")


def quoted(raw: str) -> tuple[list[Span], list[Span]]:
    """Where quoted phrases stand in a text, without their marks; and marks that have no partner.

    Example:
        >>> quoted('"deep sulcus sign" and a lone " mark')
        ([(1, 17)], [(30, 31)])
    """
    spans, rest = [], list(raw)
    for found in _QUOTED.finditer(raw):
        spans.append(found.span(found.lastindex or 0))
        rest[found.start()] = rest[found.end() - 1] = " "
    return spans, [found.span() for found in _MARKS.finditer("".join(rest))]


def in_quotes(tokens: Sequence[Token], spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """The tokens ``[first, end)`` of each quoted phrase that has any."""
    for start, end in spans:
        inside = [place for place, token in enumerate(tokens) if start <= token.start and token.end <= end]
        if inside:
            yield inside[0], inside[-1] + 1


def unpaired(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """The parentheses that have no partner, each as tokens ``[first, end)``."""
    opened: list[int] = []
    alone: list[int] = []
    for place, token in enumerate(tokens):
        if token.text == "(":
            opened.append(place)
        elif token.text == ")" and opened:
            opened.pop()
        elif token.text == ")":
            alone.append(place)
    return [(place, place + 1) for place in sorted(opened + alone)]


def pair_parentheses(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Keep parentheses that hold phrases or cues; make commas or nothing of the others.

    "effusion (left)" becomes "effusion, left," and "no (large) effusion" loses them, as a parenthesis without
    a partner is lost.
    """
    opened: list[int] = []
    lost: set[int] = set()
    for place, piece in enumerate(chunks):
        if piece.kind == "open":
            opened.append(place)
        elif piece.kind == "close" and not opened:
            lost.add(place)
        elif piece.kind == "close":
            lost |= _settled(chunks, opened.pop(), place)
    return [piece for place, piece in enumerate(chunks) if place not in lost.union(opened)]


def _settled(chunks: Sequence[Chunk], first: int, last: int) -> set[int]:
    """The places of a pair that means nothing; a pair behind a phrase becomes commas."""
    if any(piece.kind in {"phrase", "cue"} for piece in chunks[first + 1 : last]):
        return set()
    if next((piece.kind for piece in reversed(chunks[:first]) if piece.kind != "stop"), "") != "phrase":
        return {first, last}
    for place in (first, last):
        chunks[place].kind, chunks[place].words = "joint", (",",)
    return set()
