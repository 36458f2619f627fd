"""Tokens to chunks: cues, noun phrases with their modifiers, joints, and words that say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from medneg.query.cues import Cue, vocabulary
from medneg.query.match import Match, match_name, match_normal
from medneg.query.normalise import Token

ChunkKind = Literal["cue", "phrase", "modifiers", "joint", "break", "context", "filler", "stop"]
_JOINTS = {",": ",", "and": "and", "or": "or", "/": "or", "(": "(", ")": ","}
_BREAKS = frozenset({".", ";", ":"})
_PLACE_PREPOSITIONS = frozenset(
    ["in", "on", "at", "within", "of", "over", "along", "overlying", "involving", "near", "to"]
)
_COMMENT_ENDINGS = ("ing", "ed", "tip")
_TAILS = frozenset({"sign"})


@dataclass(slots=True)
class Chunk:
    """A stretch of tokens ``[first, end)`` that plays one part in the sentence.

    ``words`` are a phrase's or a dangling run's modifiers, or a joint's normal word. A phrase has a
    ``match`` in the lexicon, or is ``unknown``: the tokens of its head.
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


def chunk(tokens: Sequence[Token]) -> list[Chunk]:
    """Cut tokens into chunks and hang modifiers on the phrases they belong to."""
    return _attach_right(_attach_left(_cut(tokens), tokens), tokens)


def _cut(tokens: Sequence[Token]) -> list[Chunk]:
    words = [token.text for token in tokens]
    chunks: list[Chunk] = []
    position = 0
    while position < len(tokens):
        found = _longest_at(tokens, words, position) or [_single(tokens, position)]
        chunks.extend(found)
        position = max(piece.end for piece in found)
    for place in range(1, len(chunks) - 1):
        _drop_comparison(chunks[place - 1 : place + 2], tokens)
    return chunks


def _drop_comparison(around: Sequence[Chunk], tokens: Sequence[Token]) -> None:
    """Forget "left > right", which compares the sides and names neither."""
    left, sign, right = around
    if tokens[sign.first].text in {">", "<", "="} and left.kind == right.kind == "modifiers":
        left.kind, left.end = "filler", right.end
        sign.kind = right.kind = "stop"


def _longest_at(tokens: Sequence[Token], words: Sequence[str], first: int) -> list[Chunk]:
    """The longest of lexicon name, statement of normality, ambiguous short form, cue and context phrase."""
    candidates: list[list[Chunk]] = []
    name = match_name(tokens, first)
    if name is not None:
        candidates.append([Chunk("phrase", first, name.end, words=name.modifiers, match=name)])
    normal = match_normal(tokens, first)
    if normal:
        candidates.append(
            [Chunk("phrase", match.first, match.end, words=match.modifiers, match=match) for match in normal]
        )
    candidates.extend(_ambiguous(tokens, first))
    cue = vocabulary().cues.longest(words, first)
    if cue is not None:
        candidates.append([Chunk("cue", first, cue[0], cues=cue[1])])
    context = vocabulary().context.longest(words, first)
    if context is not None and not _is_modifier_before_phrase(tokens, first, context[0]):
        candidates.append([Chunk("context", first, context[0])])
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
    if token.text in _BREAKS:
        return Chunk("break", position, position + 1, words=(token.text,))
    if token.stem in vocab.modifiers:
        return Chunk("modifiers", position, position + 1, words=(token.stem,))
    if token.stem in vocab.fillers or token.text in vocab.fillers:
        return Chunk("filler", position, position + 1)
    if (
        token.stem in vocab.stop
        or token.text in vocab.stop
        or not token.text[0].isalpha()
        or len(token.text) < 2
    ):
        return Chunk("stop", position, position + 1)
    return Chunk("phrase", position, position + 1, unknown=(position, position + 1))


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
    )


def _attach_right(chunks: list[Chunk], tokens: Sequence[Token]) -> list[Chunk]:
    """Give phrases the modifiers that follow them: "nodule in the right upper lobe", "effusion, left"."""
    done: list[Chunk] = []
    position = 0
    while position < len(chunks):
        piece = chunks[position]
        position += 1
        if piece.kind == "phrase":
            position = _take_right(piece, chunks, position, tokens)
        done.append(piece)
    return done


def _take_right(piece: Chunk, chunks: Sequence[Chunk], position: int, tokens: Sequence[Token]) -> int:
    while True:
        place = position + _is_afterthought(chunks, position)
        while place < len(chunks) and _is_bridge(chunks[place], tokens):
            place += 1
        if place >= len(chunks) or chunks[place].kind != "modifiers":
            return position
        piece.words += chunks[place].words
        piece.end = max(piece.end, chunks[place].end)
        position = place + 1


def _is_afterthought(chunks: Sequence[Chunk], position: int) -> bool:
    """Whether modifiers follow that no later phrase could claim: "effusion, left", "effusion (left)"."""
    if (
        len(chunks) < position + 2
        or chunks[position].words not in {(",",), ("(",)}
        or chunks[position + 1].kind != "modifiers"
    ):
        return False
    return len(chunks) == position + 2 or chunks[position + 2].kind in {"joint", "break", "cue"}


def _is_bridge(piece: Chunk, tokens: Sequence[Token]) -> bool:
    word = tokens[piece.first].text
    return piece.kind in {"stop", "filler"} and (
        word in _PLACE_PREPOSITIONS or word in {"the", "a", "an", "sided"}
    )
