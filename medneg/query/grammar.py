"""The sentence, read from left to right: which cue reaches which phrase.

A cue opens a scope; phrases inside take its polarity; commas, "but", "with" and full stops close it.
``docs/explanation/reading-queries.md`` has the conventions with examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from medneg.query.chunks import Chunk
from medneg.query.cues import Cue, vocabulary
from medneg.query.lexicon import lexicon
from medneg.query.normalise import Token
from medneg.values import Polarity, Reason, Strength

Tokens = tuple[int, int]
_ADVERSATIVES = frozenset(
    ["but", "however", "although", "though", "yet", "whereas", "while", "nevertheless", "nonetheless"]
)
_COPULAS = frozenset(["is", "are", "was", "were", "appears", "appear", "remains", "remain"])
_PRE = ("neg", "unc", "hist", "pseudo", "except", "term", "noop", "vs", "none")
_POST = ("postneg", "postunc", "postaff")
_ALWAYS_EXCLUDE = frozenset({"rather", "instead", "as"})


@dataclass(frozen=True, slots=True)
class Scope:
    """The polarity that the next phrases take, and the cue (tokens) that opened it."""

    polarity: Polarity = "affirmed"
    strength: Strength | None = None
    cue: Tokens | None = None
    reason: Reason = "explicit"
    once: bool = False


@dataclass(slots=True)
class Draft:
    """A phrase with the polarity read so far. ``head`` and ``words`` may be copied by an ellipsis."""

    piece: Chunk
    words: tuple[str, ...]
    scope: Scope
    joined_by_and: bool = False


@dataclass(slots=True)
class Reading:
    """What a sentence says: drafts in order, and notes (code, tokens) for its author."""

    drafts: list[Draft] = field(default_factory=list)
    notes: list[tuple[str, Tokens]] = field(default_factory=list)


def read(chunks: Sequence[Chunk], tokens: Sequence[Token], *, report: bool = False) -> Reading:
    """Give every phrase its polarity.

    Args:
        chunks: of ``chunks.chunk``.
        tokens: the tokens that they cut.
        report: use the conventions of reports, where a comma does not end a negation.
    """
    return _Reader(chunks, tokens, report).read()


class _Reader:
    """The state of one pass: the open scope, and the group of phrases that a later cue may reach back to."""

    def __init__(self, chunks: Sequence[Chunk], tokens: Sequence[Token], report: bool) -> None:
        self.chunks = [piece for piece in chunks if piece.kind not in {"stop", "filler", "context"}]
        self.tokens = tokens
        self.report = report
        self.reading = Reading()
        self.scope = Scope()
        self.fresh = True
        self.group: list[Draft] = []
        self.waiting: list[tuple[Chunk, Scope]] = []
        self.after_comma: Tokens | None = None
        self.list_word = ""

    def read(self) -> Reading:
        for place, piece in enumerate(self.chunks):
            if piece.kind == "cue":
                self._cue(place, piece)
            elif piece.kind == "phrase":
                self._phrase(place, piece)
            elif piece.kind == "modifiers":
                self._modifiers(place, piece)
            elif piece.kind == "joint":
                self._joint(place, piece)
            else:
                self._break(piece)
        return self.reading

    # Neighbours

    def _kind(self, place: int) -> str:
        return self.chunks[place].kind if 0 <= place < len(self.chunks) else "break"

    def _word(self, place: int) -> str:
        piece = self.chunks[place] if 0 <= place < len(self.chunks) else None
        return piece.words[0] if piece is not None and piece.kind == "joint" else ""

    def _open(self, scope: Scope) -> None:
        self.scope, self.fresh, self.after_comma = scope, True, None

    def _close(self) -> None:
        self.scope, self.fresh = Scope(), True

    # Phrases

    def _phrase(self, place: int, piece: Chunk) -> None:
        scope = self._scope_for(piece)
        joint = self._word(place - 1)
        if not joint or joint == "(":
            self.group = []
        if joint == "and" and scope.polarity == "negated" and not self.fresh and self.scope.cue:
            self.reading.notes.append(("and_in_negative_scope", (piece.first, piece.end)))
        if self.after_comma and self._kind(place - 1) == "joint" and not self._is_statement(piece):
            self.reading.notes.append(("ambiguous_comma", (piece.first, piece.end)))
        self.after_comma = None
        for waiting, its_scope in self.waiting:
            self._add(_copy(piece, waiting.words, waiting), its_scope)
        self.waiting = []
        self._add(Draft(piece, piece.words, scope, joined_by_and=joint == "and"), scope)
        self.fresh = False
        if self.scope.once:
            self._close()

    def _add(self, draft: Draft, scope: Scope) -> None:
        draft.scope = scope
        self.reading.drafts.append(draft)
        self.group.append(draft)

    def _is_statement(self, piece: Chunk) -> bool:
        """Whether the phrase is a clause by itself: "the heart *is* enlarged", "clear lungs"."""
        words = {token.text for token in self.tokens[piece.first : piece.end]}
        return _is_normal(piece) or (piece.match is not None and not _COPULAS.isdisjoint(words))

    def _scope_for(self, piece: Chunk) -> Scope:
        """The open scope, turned round where the phrase itself holds a "not"."""
        if not self.fresh and self.scope.polarity != "affirmed" and self._is_statement(piece):
            self._close()
        if piece.match is None or piece.match.negation is None:
            return self.scope
        at = piece.match.negation
        if self.scope.polarity == "negated":
            self.reading.notes.append(("double_negation", (piece.first, piece.end)))
            return Scope(cue=(at, at + 1))
        if self.scope.polarity == "uncertain":
            return self.scope
        return Scope("negated", "moderate", (at, at + 1))

    def _modifiers(self, place: int, piece: Chunk) -> None:
        """Dangling modifiers repeat a head: "effusion on the left, *none on the right*"."""
        kinds = vocabulary().modifiers
        if not any(kinds.get(word) in {"side", "size"} for word in piece.words):
            return
        if self.scope.polarity != "affirmed" and self.fresh and self.reading.drafts:
            last = self.reading.drafts[-1]
            self._add(
                Draft(_at(last.piece, piece), _other_side(last.words, piece.words), self.scope), self.scope
            )
            self.fresh = False
        elif self._word(place + 1) in {"and", "or"} or self._kind(place + 1) == "cue":
            self.waiting.append((piece, self.scope))

    # Joints and breaks

    def _joint(self, place: int, piece: Chunk) -> None:
        if piece.words[0] != ",":
            return
        closed_by = self._closed_by(place) or (self.list_word if self._word(place + 1) else "")
        self.list_word = closed_by
        if not closed_by:
            self.group = []
        if self.scope.polarity == "affirmed" or self.fresh:
            return
        if closed_by == "or" or self._word(place + 1) == "or" or (self.report and self._bare_list(place)):
            return
        if closed_by == "and" and self.scope.polarity == "negated":
            return
        was_negated = self.scope.polarity == "negated"
        self._close()
        self.after_comma = (piece.first, piece.end) if was_negated else None

    def _closed_by(self, place: int) -> str:
        """The "or" or "and" that closes the list of bare phrases after this comma, else nothing."""
        place += 1
        phrases = 0
        while True:
            while self._word(place) == ",":
                place += 1
            if self._word(place) in {"or", "and"}:
                word = self._word(place)
                return word if phrases and self._kind(place + 1) in {"phrase", "modifiers"} else ""
            if self._kind(place) == "cue" and self._says(place, "nor"):
                return "or"
            if self._kind(place) not in {"phrase", "modifiers"}:
                return ""
            phrases += 1
            place += 1
            if self._kind(place) != "joint" and not self._says(place, "nor"):
                return ""

    def _bare_list(self, place: int) -> bool:
        """Whether a phrase follows that is no statement of normality and that no later cue claims."""
        while self._kind(place) in {"joint", "phrase"}:
            if self._kind(place) == "phrase" and self._is_statement(self.chunks[place]):
                return False
            place += 1
        return self._kind(place) == "break"

    def _says(self, place: int, word: str) -> bool:
        return self._kind(place) == "cue" and self.tokens[self.chunks[place].first].text == word

    def _break(self, piece: Chunk) -> None:
        if piece.words == (":",) and self.fresh:
            return
        self._close()
        self.group, self.waiting, self.after_comma = [], [], None

    # Cues

    def _cue(self, place: int, piece: Chunk) -> None:
        by_kind = {cue.kind: cue for cue in reversed(piece.cues)}
        before = next((by_kind[kind] for kind in _PRE if kind in by_kind), None)
        after = next((by_kind[kind] for kind in _POST if kind in by_kind), None)
        at = (piece.first, piece.end)
        if after is not None and self._reaches_back(place, before):
            self._reach_back(after, at)
        elif self._answers_no(place, piece):
            self._reach_back(Cue("postneg", "strong"), at)
        elif before is not None:
            self._reach_on(place, before, at)
        elif after is not None and after.kind == "postneg" and self._kind(place + 1) == "phrase":
            self._negate(after, at)

    def _reaches_back(self, place: int, before: Cue | None) -> bool:
        if not self.group:
            return False
        if self._kind(place + 1) != "phrase":
            return True
        # Before a phrase the cue is an adjective or opens an answer: "or visible ptx", "findings: no ptx".
        answers = self._has((self.chunks[place].first, self.chunks[place].end), ":") and not self._affirms(
            place
        )
        return (
            not self._word(place - 1)
            and not answers
            and (before is None or self._kind(place - 1) == "phrase")
        )

    def _affirms(self, place: int) -> bool:
        return any(cue.kind == "postaff" for cue in self.chunks[place].cues)

    def _answers_no(self, place: int, piece: Chunk) -> bool:
        """Whether a "no" stands behind its phrase and nothing follows: "calcification no"."""
        ends = self._kind(place + 1) == "break" or self._word(place + 1) == ","
        return ends and self._kind(place - 1) == "phrase" and self._has((piece.first, piece.end), "no", "not")

    def _reach_back(self, cue: Cue, at: Tokens) -> None:
        for draft in self.group:
            negated = draft.scope.polarity == "negated"
            if cue.kind == "postneg" and not negated:
                draft.scope = Scope("negated", cue.strength, at)
            elif cue.kind == "postunc" and not negated:
                draft.scope = Scope("uncertain", None, at)
            elif cue.kind == "postaff" and self._has(at, "not", "never") and not negated:
                draft.scope = Scope("affirmed", None, at)
                self.reading.notes.append(("double_negation", at))
            elif cue.kind == "postaff" and negated and draft.joined_by_and and not self.report:
                draft.scope = Scope("affirmed", None, at)
        self.group = []
        self._close()

    def _has(self, at: Tokens, *words: str) -> bool:
        return any(token.text in words for token in self.tokens[at[0] : at[1]])

    def _reach_on(self, place: int, cue: Cue, at: Tokens) -> None:
        if cue.kind == "neg":
            self._negate(cue, self._with_conjunction(place, at))
        elif cue.kind in {"unc", "hist"}:
            self._doubt(cue, at)
        elif cue.kind == "pseudo":
            if self._kind(place + 1) in {"phrase", "modifiers", "joint"} and self._word(place + 1) != ",":
                self._open(Scope(cue=at))
        elif cue.kind == "except":
            self._except(at)
        elif cue.kind == "term":
            self._end(at)
        elif cue.kind == "vs":
            self._differ(at)
        elif cue.kind == "none":
            self._none(place, at)

    def _with_conjunction(self, place: int, at: Tokens) -> Tokens:
        """The cue together with the "but" or "with" right before it: "but no"."""
        if self._kind(place - 1) != "cue" or self.chunks[place - 1].end != at[0]:
            return at
        before = self.chunks[place - 1]
        return (before.first, at[1]) if any(cue.kind == "term" for cue in before.cues) else at

    def _negate(self, cue: Cue, at: Tokens) -> None:
        if self.scope.polarity == "negated" and self.fresh and self.scope.cue:
            self.reading.notes.append(("double_negation", (self.scope.cue[0], at[1])))
            self._open(Scope(cue=(self.scope.cue[0], at[1])))
        else:
            self._open(Scope("negated", cue.strength, at, once=cue.once))

    def _doubt(self, cue: Cue, at: Tokens) -> None:
        if self.scope.polarity != "affirmed" and self.fresh:
            return
        if self.report and cue.kind == "hist" and not self._has(at, "history"):
            return
        reason: Reason = "history" if cue.kind == "hist" else "explicit"
        self._open(Scope("uncertain", None, at, reason))

    def _except(self, at: Tokens) -> None:
        after_normal = bool(self.reading.drafts) and _is_normal(self.reading.drafts[-1].piece)
        always = self.tokens[at[0]].text in _ALWAYS_EXCLUDE
        if not always and (after_normal or self.scope.polarity == "negated"):
            self.reading.notes.append(("exception_flip", at))
            self._open(Scope(cue=at, reason="exception"))
        else:
            self._open(Scope("negated", "strong", at, "exception"))

    def _end(self, at: Tokens) -> None:
        if self.fresh and self.scope.polarity != "affirmed" and self.tokens[at[0]].text not in _ADVERSATIVES:
            return
        self._close()
        self.group, self.after_comma = [], None

    def _differ(self, at: Tokens) -> None:
        scope = Scope("uncertain", None, at, "differential")
        if self.reading.drafts and self.reading.drafts[-1].scope.polarity != "negated":
            self.reading.drafts[-1].scope = scope
        self._open(scope)

    def _none(self, place: int, at: Tokens) -> None:
        if self._kind(place + 1) == "modifiers" or not self.group:
            self._open(Scope("negated", "strong", at))
        else:
            self._reach_back(Cue("postneg", "strong"), at)


def _copy(piece: Chunk, words: tuple[str, ...], at: Chunk) -> Draft:
    """The head of ``piece`` once more, with other modifiers, as in "left but not right effusion"."""
    return Draft(_at(piece, at), _other_side(piece.words, words), Scope())


def _at(piece: Chunk, elsewhere: Chunk) -> Chunk:
    return replace(piece, first=elsewhere.first, end=elsewhere.end)


def _other_side(words: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    kinds = vocabulary().modifiers
    replaced = {kinds.get(word) for word in new}
    return (*new, *(word for word in words if kinds.get(word) not in replaced))


def _is_normal(piece: Chunk) -> bool:
    return piece.match is not None and lexicon().finding(piece.match.finding).kind == "normal"
