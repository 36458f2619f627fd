"""Modifiers to the phrases that they belong to, and runs of unknown words to one phrase."""

from __future__ import annotations

from collections.abc import Sequence

from medneg.query.cues import Cue, vocabulary
from medneg.query.lexicon import lexicon
from medneg.query.normalise import Token
from medneg.query.pieces import Chunk

_PLACE_PREPOSITIONS = frozenset(
    ["in", "on", "at", "within", "of", "over", "along", "overlying", "involving", "near", "to"]
)
_COPULAS = frozenset(["is", "are", "was", "were", "located", "lies", "confined", "limited", "which", "that"])
_SMALL = frozenset({"the", "a", "an", "sided", "cm", "mm"})
_SETTINGS = frozenset({"in", "among", "amongst"})
_COMMENT_ENDINGS = ("ing", "ed", "tip")
_TAILS = frozenset({"sign"})


def attach(chunks: list[Chunk], tokens: Sequence[Token]) -> list[Chunk]:
    """Give every phrase its modifiers, and make one phrase of neighbouring unknown words."""
    return _attach_right(_attach_left(chunks, tokens), tokens)


def mark_settings(chunks: Sequence[Chunk], tokens: Sequence[Token]) -> None:
    """Let "in" end a scope where a finding follows that is no place: "no bullae in COPD"."""
    for place, piece in enumerate(chunks):
        if piece.kind != "stop" or tokens[piece.end - 1].text not in _SETTINGS:
            continue
        after = place + 1
        while after < len(chunks) and chunks[after].kind in {"stop", "filler", "context"}:
            after += 1
        if after < len(chunks) and chunks[after].kind == "phrase" and chunks[after].match is not None:
            piece.kind, piece.cues = "cue", (Cue("term"),)


def _attach_left(chunks: list[Chunk], tokens: Sequence[Token]) -> list[Chunk]:
    """Join runs of unknown words, and give each phrase the modifiers that stand before it."""
    done: list[Chunk] = []
    for piece in chunks:
        if piece.kind == "stop" and done and _is_tail(done[-1], tokens[piece.first]):
            head = done[-1]
            head.end = piece.end
            head.unknown = (head.unknown[0], piece.end) if head.unknown else None
            continue
        if _is_comment(piece, done, tokens):
            piece.kind, piece.unknown = "filler", None
        while done and piece.kind in {"modifiers", "phrase"}:
            between = done[-1].kind == "filler" and len(done) > 1 and done[-2].kind == "modifiers"
            joined = _join(done[-2] if between else done[-1], piece, tokens)
            if joined is None:
                break
            del done[-2 if between else -1 :]
            piece = joined
        done.append(piece)
    return done


def _is_comment(piece: Chunk, done: Sequence[Chunk], tokens: Sequence[Token]) -> bool:
    """An unknown verb or adverb after a finding ("effusion obscuring …") is no finding of its own."""
    if piece.unknown is None or piece.readings or not done:
        return False
    word = tokens[piece.first].text
    return word.endswith("ly") or (word.endswith(_COMMENT_ENDINGS) and done[-1].match is not None)


def _is_tail(before: Chunk, token: Token) -> bool:
    return before.kind == "phrase" and before.unknown is not None and token.text in _TAILS


def _join(before: Chunk, piece: Chunk, tokens: Sequence[Token]) -> Chunk | None:
    if before.kind == "modifiers":
        piece.first, piece.words = before.first, before.words + piece.words
        return piece
    if before.kind != "phrase" or piece.kind != "phrase" or before.readings:
        return None
    if before.quoted or piece.quoted:
        return None
    if before.unknown is not None and piece.unknown is not None and piece.match is None:
        piece.unknown = (before.unknown[0], piece.unknown[1])
        piece.first, piece.words = before.first, before.words + piece.words
        return piece
    if before.unknown is None and not _is_adjective(before, tokens):
        return None
    first, end = before.unknown or (before.end - 1, before.end)
    adjectives = tuple(token.stem for token in tokens[first:end])
    piece.first, piece.words = before.first, before.words + adjectives + piece.words
    piece.strange += adjectives if before.unknown else ()
    return piece


def _is_adjective(piece: Chunk, tokens: Sequence[Token]) -> bool:
    """Whether it is a word such as "calcified": a finding by itself, a modifier before another one."""
    last = piece.end - 1
    return (
        piece.match is not None
        and piece.match.end - piece.match.first == 1
        and tokens[last].stem in vocabulary().modifiers
        and lexicon().finding(piece.match.finding).kind != "normal"
    )


def _attach_right(chunks: list[Chunk], tokens: Sequence[Token]) -> list[Chunk]:
    """Give phrases the modifiers that follow them: "nodule in the right upper lobe", "effusion, left"."""
    done: list[Chunk] = []
    position = 0
    while position < len(chunks):
        piece = chunks[position]
        position += 1
        if piece.kind == "phrase":
            _soften(chunks, position, tokens)
            position = _take_right(piece, chunks, position, tokens)
        done.append(piece)
    return done


def _take_right(piece: Chunk, chunks: Sequence[Chunk], position: int, tokens: Sequence[Token]) -> int:
    while True:
        place = position + _is_afterthought(chunks, position)
        bridge = []
        while place < len(chunks) and _is_bridge(chunks[place], tokens):
            bridge.append(tokens[chunks[place].first].text)
            place += 1
        placed = _COPULAS.isdisjoint(bridge) or not _PLACE_PREPOSITIONS.isdisjoint(bridge)
        if place >= len(chunks) or chunks[place].kind != "modifiers" or not placed:
            return position
        piece.words += chunks[place].words
        piece.end = max(piece.end, chunks[place].end)
        position = place + 1


def _is_afterthought(chunks: Sequence[Chunk], position: int) -> bool:
    """Whether modifiers follow that no later phrase could claim: "effusion, left", "effusion (left)"."""
    if (
        len(chunks) < position + 2
        or chunks[position].words not in {(",",)}
        or chunks[position + 1].kind != "modifiers"
    ):
        return False
    return len(chunks) == position + 2 or chunks[position + 2].kind in {"joint", "break", "cue"}


def _soften(chunks: Sequence[Chunk], position: int, tokens: Sequence[Token]) -> None:
    """Make modifiers of an adjective that comes last: "plaques, calcified", "granuloma calcified"."""
    comma = position < len(chunks) and chunks[position].words == (",",)
    position -= not comma
    ends = len(chunks) == position + 2 or (
        len(chunks) > position + 2 and chunks[position + 2].kind in {"joint", "break", "cue", "modifiers"}
    )
    if ends and _is_adjective(chunks[position + 1], tokens):
        adjective = chunks[position + 1]
        adjective.kind, adjective.match = "modifiers", None
        adjective.words += (tokens[adjective.end - 1].stem,)


def _is_bridge(piece: Chunk, tokens: Sequence[Token]) -> bool:
    word = tokens[piece.first].text
    return piece.kind in {"stop", "filler"} and (
        word in _PLACE_PREPOSITIONS or word in _COPULAS or word in _SMALL or word.isdigit()
    )
