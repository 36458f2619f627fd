"""Tokens to pieces: cues, phrases, modifiers, joints, and words that say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from medneg.query.cues import Cue, everyday_words, vocabulary
from medneg.query.match import Match, match_carried, match_name, match_normal
from medneg.query.normalise import Token

ChunkKind = Literal[
    "cue",
    "phrase",
    "modifiers",
    "joint",
    "open",
    "close",
    "break",
    "context",
    "filler",
    "aside",
    "stop",
]
_JOINTS = {",": ",", "and": "and", "or": "or", "/": "or"}
_BRACKETS: dict[str, ChunkKind] = {"(": "open", ")": "close"}
_EMPTY_CUES = frozenset({"term", "noop"})
_BREAKS = frozenset({".", ";", ":"})


@dataclass(slots=True)
class Chunk:
    """A stretch of tokens ``[first, end)`` that plays one part in the sentence.

    ``words`` are a phrase's or a dangling run's modifiers, or a joint's normal word. A phrase has a
    ``match`` in the lexicon, or is ``unknown``: the tokens of its head. ``quoted`` phrases stay apart.
    """

    kind: ChunkKind
    first: int
    end: int
    words: tuple[str, ...] = ()
    cues: tuple[Cue, ...] = ()
    match: Match | None = None
    unknown: tuple[int, int] | None = None
    strange: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    quoted: bool = False


def cut(tokens: Sequence[Token], quotes: Sequence[tuple[int, int]] = ()) -> list[Chunk]:
    """Cut tokens into chunks; modifiers stand apart from their phrases still.

    Args:
        tokens: of a whole sentence.
        quotes: the tokens ``[first, end)`` of quoted phrases, each of which becomes one phrase.
    """
    chunks: list[Chunk] = []
    position = 0
    for first, end in quotes:
        chunks += _cut(tokens, position, first)
        chunks += _as_one(_cut(tokens[:end], first, end), first, end)
        position = end
    chunks += _cut(tokens, position, len(tokens))
    for place in range(1, len(chunks) - 1):
        _drop_comparison(chunks[place - 1 : place + 2], tokens)
        _carry_parts(chunks[place - 1 : place + 2], tokens)
    return chunks


def _carry_parts(around: Sequence[Chunk], tokens: Sequence[Token]) -> None:
    """Let a bare "clear" after "and" or "but" speak of the lungs named before."""
    before, link, bare = around
    joins = link.kind == "joint" or any(cue.kind == "term" for cue in link.cues)
    if before.kind == "phrase" and joins and bare.kind in {"filler", "stop"}:
        found = match_carried(tokens, (before.first, before.end), bare.first)
        if found is not None and found.end == bare.end:
            bare.kind, bare.match = "phrase", found


def _cut(tokens: Sequence[Token], position: int, last: int) -> list[Chunk]:
    words = [token.text for token in tokens]
    chunks: list[Chunk] = []
    while position < last:
        found = _longest_at(tokens, words, position) or [_single(tokens, position)]
        chunks.extend(found)
        position = max(piece.end for piece in found)
    return chunks


def _as_one(inside: list[Chunk], first: int, end: int) -> list[Chunk]:
    """A quoted phrase as one phrase, unless the lexicon knows it or it is a sentence of its own."""
    kinds = [piece.kind for piece in inside]
    decides = any(cue.kind not in _EMPTY_CUES for piece in inside for cue in piece.cues)
    sentence = decides or not {"joint", "break"}.isdisjoint(kinds)
    known = kinds[-1:] == ["phrase"] and inside[-1].unknown is None and {*kinds[:-1]} <= {"modifiers", "stop"}
    if sentence or known or kinds == ["context"]:
        return inside
    return [Chunk("phrase", first, end, unknown=(first, end), quoted=True)]


def _drop_comparison(around: Sequence[Chunk], tokens: Sequence[Token]) -> None:
    """Forget "left > right", which compares the sides and names neither."""
    left, sign, right = around
    if tokens[sign.first].text in {">", "<", "="} and left.kind == right.kind == "modifiers":
        left.kind, left.end = "filler", right.end
        sign.kind = right.kind = "stop"


def _longest_at(tokens: Sequence[Token], words: Sequence[str], first: int) -> list[Chunk]:
    """The longest of lexicon name, statement of normality, ambiguous short form, cue and context phrase."""
    candidates = _ambiguous(tokens, first)
    name = match_name(tokens, first)
    if name is not None:
        candidates.append([Chunk("phrase", first, name.end, words=name.modifiers, match=name)])
    normal = match_normal(tokens, first)
    if normal:
        candidates.append(
            [Chunk("phrase", match.first, match.end, words=match.modifiers, match=match) for match in normal]
        )
    cue = vocabulary().cues.longest(words, first)
    if cue is not None:
        candidates.append([Chunk("cue", first, cue[0], cues=cue[1])])
    context = vocabulary().context.longest(words, first)
    if context is not None and not _is_modifier_before_phrase(tokens, first, context[0]):
        candidates.append([Chunk("context", first, context[0])])
    silent = vocabulary().silent.longest(words, first)
    if silent is not None:
        candidates.append([Chunk("stop", first, silent[0])])
    return max(candidates, key=lambda pieces: pieces[-1].end, default=[])


def _is_modifier_before_phrase(tokens: Sequence[Token], first: int, end: int) -> bool:
    """Whether a word such as "lateral", which names a view by itself, is a place before a finding."""
    return (
        end == first + 1
        and tokens[first].stem in vocabulary().modifiers
        and end < len(tokens)
        and (tokens[end].stem in vocabulary().modifiers or match_name(tokens, end) is not None)
    )


def _ambiguous(tokens: Sequence[Token], first: int) -> list[list[Chunk]]:
    if tokens[first].stem not in vocabulary().ambiguous_starts:
        return []
    found = []
    for length in (1, 2):
        short = " ".join(token.stem for token in tokens[first : first + length])
        if short in vocabulary().ambiguous:
            finding, readings = vocabulary().ambiguous[short]
            end = first + length
            match = Match(finding, first, end) if finding else None
            unknown = None if finding else (first, end)
            found.append([Chunk("phrase", first, end, match=match, unknown=unknown, readings=readings)])
    return found


def _single(tokens: Sequence[Token], position: int) -> Chunk:
    token, vocab = tokens[position], vocabulary()
    if token.text in _JOINTS:
        return Chunk("joint", position, position + 1, words=(_JOINTS[token.text],))
    if token.text in _BRACKETS:
        return Chunk(_BRACKETS[token.text], position, position + 1)
    if token.text in _BREAKS:
        return Chunk("break", position, position + 1, words=(token.text,))
    if token.stem in vocab.modifiers:
        return Chunk("modifiers", position, position + 1, words=(token.stem,))
    if token.stem in vocab.fillers or token.text in vocab.fillers:
        return Chunk("filler", position, position + 1)
    if (
        token.stem in vocab.stop
        or token.text in vocab.stop
        or token.text in everyday_words()
        or not token.text[0].isalpha()
        or len(token.text) < 2
    ):
        return Chunk("stop", position, position + 1)
    return Chunk("phrase", position, position + 1, unknown=(position, position + 1))
