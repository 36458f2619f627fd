"""Scopes: the polarity that the next phrases take, and the state of one pass over a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from medneg.query.cues import vocabulary
from medneg.query.lexicon import lexicon
from medneg.query.normalise import Token
from medneg.query.pieces import Chunk
from medneg.values import Polarity, Reason, Strength

Tokens = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scope:
    """The polarity that the next phrases take, and the cue (tokens) that opened it.

    ``once`` scopes reach one phrase, and those that an "or" joins to it; ``listing`` scopes, behind a colon,
    reach over commas.
    """

    polarity: Polarity = "affirmed"
    strength: Strength | None = None
    cue: Tokens | None = None
    reason: Reason = "explicit"
    once: bool = False
    listing: bool = False


@dataclass(slots=True)
class Draft:
    """A phrase with the polarity read so far. ``head`` and ``words`` may be copied by an ellipsis."""

    piece: Chunk
    words: tuple[str, ...]
    scope: Scope
    joined_by: str = ""


@dataclass(slots=True)
class Reading:
    """What a sentence says: drafts in order, and notes (code, tokens) for its author.

    ``spare`` are modifiers that no phrase claimed.
    """

    drafts: list[Draft] = field(default_factory=list)
    notes: list[tuple[str, Tokens]] = field(default_factory=list)
    spare: list[Tokens] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outer:
    """What held before an opening parenthesis, and how many drafts there were."""

    scope: Scope
    fresh: bool
    base: Scope
    group: list[Draft]
    drafts: int
    is_operand: bool


@dataclass(slots=True)
class State:
    """One pass: the open scope, and the group of phrases that a later cue may reach back to.

    ``base`` is what a scope closes to: affirmed, or the negation of the whole parenthesis. ``fresh`` holds
    until the scope has reached a phrase.
    """

    chunks: Sequence[Chunk]
    tokens: Sequence[Token]
    report: bool
    reading: Reading = field(default_factory=Reading)
    scope: Scope = Scope()
    base: Scope = Scope()
    fresh: bool = True
    group: list[Draft] = field(default_factory=list)
    waiting: list[tuple[Chunk, Scope]] = field(default_factory=list)
    after_comma: Tokens | None = None
    list_word: str = ""
    outer: list[Outer] = field(default_factory=list)

    def kind(self, place: int) -> str:
        """What kind of chunk stands at a place; "break" beyond both ends."""
        return self.chunks[place].kind if 0 <= place < len(self.chunks) else "break"

    def joint(self, place: int) -> str:
        """The normal word of the joint at a place, or nothing."""
        piece = self.chunks[place] if 0 <= place < len(self.chunks) else None
        return piece.words[0] if piece is not None and piece.kind == "joint" else ""

    def says(self, place: int, word: str) -> bool:
        """Whether the cue at a place begins with that word."""
        return self.kind(place) == "cue" and self.tokens[self.chunks[place].first].text == word

    def has(self, at: Tokens, *words: str) -> bool:
        """Whether one of the words is among these tokens."""
        return any(token.text in words for token in self.tokens[at[0] : at[1]])

    def note(self, code: str, at: Tokens) -> None:
        """Leave a note for the query's author."""
        self.reading.notes.append((code, at))

    def open(self, scope: Scope) -> None:
        """Let a scope hold from here on."""
        self.scope, self.fresh, self.after_comma = scope, True, None

    def close(self) -> None:
        """End the scope."""
        self.scope, self.fresh = self.base, True

    def add(self, draft: Draft, scope: Scope) -> None:
        """Take a phrase into the reading."""
        draft.scope = scope
        self.reading.drafts.append(draft)
        self.group.append(draft)


def is_normal(piece: Chunk) -> bool:
    """Whether the phrase is a statement of normality."""
    return piece.match is not None and lexicon().finding(piece.match.finding).kind == "normal"


def copy_of(piece: Chunk, words: tuple[str, ...], at: Chunk) -> Draft:
    """The head of ``piece`` once more, with other modifiers, as in "left but not right effusion"."""
    return Draft(moved(piece, at), other_side(piece.words, words), Scope())


def moved(piece: Chunk, elsewhere: Chunk) -> Chunk:
    """The phrase as if it stood where another chunk does."""
    return replace(piece, first=elsewhere.first, end=elsewhere.end)


def other_side(words: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """Modifiers with new ones in place of those of the same kind."""
    kinds = vocabulary().modifiers
    replaced = {kinds.get(word) for word in new}
    return (*new, *(word for word in words if kinds.get(word) not in replaced))
