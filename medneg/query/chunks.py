"""Tokens to chunks: cues, noun phrases with their modifiers, joints, and words that say nothing."""

from __future__ import annotations

from collections.abc import Sequence

from medneg.query.attach import attach
from medneg.query.brackets import pair_parentheses
from medneg.query.everyday import set_aside
from medneg.query.normalise import Token
from medneg.query.pieces import Chunk, cut


def chunk(
    tokens: Sequence[Token], quotes: Sequence[tuple[int, int]] = (), *, asides: bool = True
) -> list[Chunk]:
    """Cut tokens into chunks and hang modifiers on the phrases they belong to.

    Args:
        tokens: of a whole sentence.
        quotes: the tokens ``[first, end)`` of quoted phrases, each of which becomes one phrase.
        asides: set the words of everyday English aside that people ask with; reports have none.
    """
    chunks = pair_parentheses(cut(tokens, quotes))
    if asides:
        set_aside(chunks, tokens)
    return attach(chunks, tokens)
