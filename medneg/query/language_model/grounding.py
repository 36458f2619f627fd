"""Holds a model's claims to the query's words, and gives each the span, name and modifiers of the grammar.

A claim stands where its words stand in the query, side by side, or where the query has another name of the
same finding. A claim that stands nowhere makes the whole answer unusable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from medneg.query.chunks import chunk
from medneg.query.language_model.reply import Claim, Unusable
from medneg.query.lexicon import lexicon
from medneg.query.match import Match
from medneg.query.normalise import Token
from medneg.query.pieces import Chunk
from medneg.query.scope import Draft, Reading, Scope, Tokens
from medneg.query.sentence import Sentence, read_sentence
from medneg.values import Polarity, QueryWarning, Reason

LONGEST_CONCEPT = 8
MOST_CONCEPTS = 240
_NO_CONCEPT = frozenset({"cue", "break", "context", "open", "close"})
_ENDS_NO_CONCEPT = frozenset({"stop", "joint", "filler"}) | _NO_CONCEPT
_ARTICLES = frozenset({"a", "an", "the"})
_FUNCTION_WORDS = _ARTICLES | frozenset(
    ["of", "in", "on", "at", "to", "is", "are", "was", "were", "with", "and", "or"]
)
_LICENCES: dict[Polarity, frozenset[str]] = {
    "affirmed": frozenset(),
    "negated": frozenset({"neg", "postneg", "except", "none"}),
    "uncertain": frozenset({"unc", "postunc", "hist", "vs"}),
}
_REASONS: dict[str, Reason] = {"hist": "history", "vs": "differential", "except": "exception"}
_WORDS: dict[Polarity, str] = {"affirmed": "wanted", "negated": "unwanted", "uncertain": "left open"}


def concepts(sentence: Sentence) -> tuple[str, ...]:
    """Every run of the query's own words that may name a finding, at most eight words long.

    Raises:
        Unusable: the query is too long to be sent.
    """
    kinds: list[str] = ["stop"] * len(sentence.tokens)
    for piece in sentence.chunks:
        kind: str = "break" if piece.words == (",",) else piece.kind
        kinds[piece.first : piece.end] = [kind] * (piece.end - piece.first)
    found: dict[str, None] = {}
    ends = [
        kind not in _ENDS_NO_CONCEPT and token.text not in _FUNCTION_WORDS
        for kind, token in zip(kinds, sentence.tokens, strict=True)
    ]
    for first in range(len(kinds)):
        if not ends[first]:
            continue
        for end in range(first + 1, min(first + LONGEST_CONCEPT, len(kinds)) + 1):
            if kinds[end - 1] in _NO_CONCEPT:
                break
            if ends[end - 1]:
                found[" ".join(token.text for token in sentence.tokens[first:end])] = None
    if len(found) > MOST_CONCEPTS:
        raise Unusable(f"is not asked about a query with {len(found)} phrases; at most {MOST_CONCEPTS}")
    return tuple(found)


def grounded(claims: Sequence[Claim], sentence: Sentence) -> Sentence:
    """The sentence as a model reads it: its claims in place of the grammar's polarities.

    Phrases that the model leaves out become words without influence, which the query names.

    Raises:
        Unusable: a claim is not in the query's words, contradicts another one, or denies something where no
            word of the query does.
    """
    if any(claim.polarity == "negated" for claim in claims) and not _may_deny(sentence):
        raise Unusable("calls something unwanted, and no word of the query does")
    drafts: dict[Tokens, Draft] = {}
    for claim in claims:
        for piece in _placed(claim, sentence, drafts):
            if not any(_overlap((piece.first, piece.end), at) for at in drafts):
                drafts[piece.first, piece.end] = Draft(piece, piece.words, _scope(claim, piece, sentence))
    ordered = [drafts[at] for at in sorted(drafts)]
    # What the grammar notes of scopes no longer holds; a bracket without its partner still has none.
    notes = [note for note in sentence.reading.notes if note[0] == "unbalanced"]
    return replace(sentence, chunks=_chunks(sentence, ordered), reading=Reading(ordered, notes))


def doubts(read: Sentence, sentence: Sentence, model: str) -> Iterator[QueryWarning]:
    """What is told of a model's reading: where the grammar disagrees, and which findings it leaves out."""
    before = _polarities(sentence)
    for draft in read.reading.drafts:
        at = (draft.piece.first, draft.piece.end)
        if before.get(at, draft.scope.polarity) != draft.scope.polarity:
            ours, theirs = _WORDS[before[at]], _WORDS[draft.scope.polarity]
            message = f"{model} reads {read.words(at)!r} as {theirs}, the grammar as {ours}"
            yield QueryWarning(code="parsers_disagree", message=message, span=read.span(at))
    taken = [(draft.piece.first, draft.piece.end) for draft in read.reading.drafts]
    for piece in sentence.chunks:
        at = (piece.first, piece.end)
        named = piece.match is not None and lexicon().finding(piece.match.finding).kind != "generic"
        if named and not any(_overlap(at, other) for other in taken):
            message = f"{model} leaves {read.words(at)!r} out, which the lexicon knows"
            yield QueryWarning(code="left_out", message=message, span=read.span(at))


def _may_deny(sentence: Sentence) -> bool:
    """Whether a word of the query negates, or calls something normal."""
    for piece in sentence.chunks:
        if any(cue.kind in _LICENCES["negated"] for cue in piece.cues):
            return True
        if piece.match is not None and (
            piece.match.negation is not None or lexicon().finding(piece.match.finding).kind == "normal"
        ):
            return True
    return False


def _placed(claim: Claim, sentence: Sentence, drafts: dict[Tokens, Draft]) -> list[Chunk]:
    """The phrases that a claim speaks of, at the place where no other claim contradicts it."""
    places = _places(claim, sentence)
    if not places:
        raise Unusable(f"names {claim.concept[:60]!r}, which the query does not say")
    before = _polarities(sentence)

    def preference(pieces: list[Chunk]) -> tuple[bool, bool]:
        ends = [(piece.first, piece.end) for piece in pieces]
        return any(at in drafts for at in ends), any(before.get(at) != claim.polarity for at in ends)

    pieces = min(places, key=preference)
    for piece in pieces:
        for at, draft in drafts.items():
            if _overlap(at, (piece.first, piece.end)) and draft.scope.polarity != claim.polarity:
                raise Unusable(f"reads {claim.concept[:60]!r} in two ways")
    return pieces


def _places(claim: Claim, sentence: Sentence) -> list[list[Chunk]]:
    asked = read_sentence(claim.concept)
    words = [token.stem for token in asked.tokens if token.text not in _ARTICLES]
    stems = [token.stem for token in sentence.tokens]
    starts = range(len(stems) - len(words) + 1) if words else range(0)
    found = [(first, first + len(words)) for first in starts if stems[first : first + len(words)] == words]
    if found:
        return [_phrases_in(at, claim, sentence) for at in found]
    named = {_identity(piece) for piece in asked.chunks if piece.kind != "stop"}
    return [[piece] for piece in sentence.chunks if piece.match is not None and {_identity(piece)} == named]


def _identity(piece: Chunk) -> tuple[str, frozenset[str]]:
    return (piece.match.finding if piece.match else piece.kind, frozenset(piece.words))


def _phrases_in(at: Tokens, claim: Claim, sentence: Sentence) -> list[Chunk]:
    """The grammar's phrases in a stretch of tokens, with the modifiers that hang on them from outside."""
    inside = [piece for piece in sentence.chunks if _overlap((piece.first, piece.end), at)]
    if any(piece.kind in _NO_CONCEPT - {"context"} for piece in inside):
        raise Unusable(f"takes {claim.concept[:60]!r} for a finding")
    whole = [piece for piece in inside if piece.kind == "phrase" and _is_meant(piece, at)]
    pieces = whole or list(_cut(sentence.tokens, at))
    if not pieces:
        raise Unusable(f"takes {claim.concept[:60]!r} for a finding")
    return pieces


def _is_meant(piece: Chunk, at: Tokens) -> bool:
    if piece.match is not None:
        return _overlap((piece.match.first, piece.match.end), at)
    head = piece.unknown or (piece.first, piece.end)
    return at[0] <= head[0] and head[1] <= at[1]


def _cut(tokens: Sequence[Token], at: Tokens) -> Iterator[Chunk]:
    """Phrases of a stretch of tokens read by itself: a part of what the grammar took for one phrase."""
    by = at[0]
    for piece in chunk(tokens[at[0] : at[1]], asides=False):
        if piece.kind == "phrase":
            yield replace(
                piece,
                first=piece.first + by,
                end=piece.end + by,
                unknown=(piece.unknown[0] + by, piece.unknown[1] + by) if piece.unknown else None,
                match=_moved(piece.match, by) if piece.match else None,
            )


def _moved(match: Match, by: int) -> Match:
    negation = None if match.negation is None else match.negation + by
    return replace(match, first=match.first + by, end=match.end + by, negation=negation)


def _scope(claim: Claim, piece: Chunk, sentence: Sentence) -> Scope:
    """The claim's polarity with the cue that a reader would point at.

    A phrase that holds its own negation ("extubated") keeps the grammar's polarity: whether a model that
    lists it as negated means the phrase or the finding cannot be told.
    """
    own = next((draft.scope for draft in sentence.reading.drafts if _same_place(draft.piece, piece)), None)
    if own is not None and piece.match is not None and piece.match.negation is not None:
        return own
    if own is not None and own.polarity == claim.polarity:
        return replace(own, strength=claim.strength)
    cue = _nearest_cue(piece, sentence, _LICENCES[claim.polarity])
    if cue is None:
        return Scope(claim.polarity, claim.strength)
    reasons: list[Reason] = [_REASONS[each.kind] for each in cue.cues if each.kind in _REASONS]
    return Scope(claim.polarity, claim.strength, (cue.first, cue.end), [*reasons, "explicit"][0])


def _nearest_cue(piece: Chunk, sentence: Sentence, kinds: Iterable[str]) -> Chunk | None:
    cues = [each for each in sentence.chunks if any(cue.kind in kinds for cue in each.cues)]
    return min(cues, key=lambda cue: max(cue.first - piece.end, piece.first - cue.end), default=None)


def _chunks(sentence: Sentence, drafts: Sequence[Draft]) -> list[Chunk]:
    """The grammar's chunks with the model's phrases in place of its own."""
    taken = [(draft.piece.first, draft.piece.end) for draft in drafts]
    kept = [
        Chunk("filler", piece.first, piece.end) if piece.kind == "phrase" else piece
        for piece in sentence.chunks
        if not any(_overlap((piece.first, piece.end), at) for at in taken)
    ]
    return sorted([*kept, *(draft.piece for draft in drafts)], key=lambda piece: piece.first)


def _polarities(sentence: Sentence) -> dict[Tokens, Polarity]:
    return {(draft.piece.first, draft.piece.end): draft.scope.polarity for draft in sentence.reading.drafts}


def _same_place(one: Chunk, other: Chunk) -> bool:
    return (one.first, one.end) == (other.first, other.end)


def _overlap(one: Tokens, other: Tokens) -> bool:
    return one[0] < other[1] and other[0] < one[1]
