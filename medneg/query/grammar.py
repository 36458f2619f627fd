"""The sentence, read from left to right: which cue reaches which phrase.

A cue opens a scope; phrases inside take its polarity; commas, "but", "with" and full stops close it; an
opening parenthesis right behind a cue makes everything up to the closing one its operand.
``docs/explanation/reading-queries.md`` has the conventions with examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from medneg.query.cues import vocabulary
from medneg.query.effects import apply_cue, excuse
from medneg.query.lexicon import lexicon
from medneg.query.match import Match
from medneg.query.normalise import Token
from medneg.query.pieces import Chunk
from medneg.query.scope import (
    Draft,
    Outer,
    Reading,
    Scope,
    State,
    copy_of,
    is_normal,
    moved,
    other_side,
)

_COPULAS = frozenset(["is", "are", "was", "were", "appears", "appear", "remains", "remain"])
_PLACING = frozenset({"in", "on", "at"})
_SILENT = frozenset({"stop", "filler", "context"})


def read(chunks: Sequence[Chunk], tokens: Sequence[Token], *, report: bool = False) -> Reading:
    """Give every phrase its polarity.

    Args:
        chunks: of ``chunks.chunk``.
        tokens: the tokens that they cut.
        report: use the conventions of reports, where a comma does not end a negation.
    """
    state = State([piece for piece in chunks if piece.kind not in _SILENT], tokens, report)
    for place, piece in enumerate(state.chunks):
        if state.scope.once and not state.fresh and not _goes_on(state, place):
            state.close()
        if piece.kind == "cue":
            apply_cue(state, place, piece)
        elif piece.kind == "phrase":
            _phrase(state, place, piece)
        elif piece.kind == "modifiers":
            _modifiers(state, place, piece)
        elif piece.kind == "joint":
            _joint(state, place, piece)
        elif piece.kind == "open":
            _open_group(state, place)
        elif piece.kind == "close":
            _close_group(state)
        else:
            _break(state, place, piece)
    state.reading.spare += [(piece.first, piece.end) for piece, _ in state.waiting]
    _note_alternatives(state)
    return state.reading


def _goes_on(state: State, place: int) -> bool:
    """Whether an "or", or a list that one closes, carries an operator past its first operand."""
    if state.joint(place) == "or" or state.joint(place - 1) == "or":
        return True
    return "or" in {_closed_by(state, place) if state.joint(place) else "", state.list_word}


# Phrases


def _phrase(state: State, place: int, piece: Chunk) -> None:
    _name_by_head(state, piece)
    scope = _scope_for(state, piece)
    if is_normal(piece) or scope.polarity == "negated":
        excuse(state)
    joint = state.joint(place - 1)
    if not joint and state.kind(place - 1) != "open":
        state.group = []
    _note_joints(state, place, piece, scope)
    state.after_comma = None
    for waiting, its_scope in state.waiting:
        state.add(_named_copy(state, piece, waiting), its_scope)
    state.waiting = []
    state.add(Draft(piece, piece.words, scope, joined_by=joint), scope)
    state.fresh = False


def _named_copy(state: State, piece: Chunk, waiting: Chunk) -> Draft:
    """The phrase's head with other modifiers: "*hilar* or mediastinal lymphadenopathy", "left or right"."""
    if piece.match is not None:
        words = (*waiting.words, state.tokens[piece.match.end - 1].stem)
        finding = lexicon().resolve(" ".join(words))
        if finding is not None and finding != piece.match.finding:
            match = Match(finding, waiting.first, waiting.end)
            return Draft(replace(moved(piece, waiting), match=match), (), Scope())
    return copy_of(piece, waiting.words, waiting)


def _name_by_head(state: State, piece: Chunk) -> None:
    """Name an unknown adjective by the head before it: "emphysema but not *subcutaneous*"."""
    if piece.unknown is None or piece.quoted or not (state.fresh and state.reading.drafts):
        return
    last = state.reading.drafts[-1].piece.match
    if state.scope.polarity == "affirmed" or last is None:
        return
    words = [token.text for token in state.tokens[slice(*piece.unknown)]]
    finding = lexicon().resolve(" ".join((*words, state.tokens[last.end - 1].stem)))
    if finding is not None and finding != last.finding:
        piece.match, piece.unknown = Match(finding, *piece.unknown), None


def _note_joints(state: State, place: int, piece: Chunk, scope: Scope) -> None:
    """Say where an "and" or a comma may have been meant otherwise."""
    at, joint = (piece.first, piece.end), state.joint(place - 1)
    inside = state.base.polarity == "negated"
    if inside and joint != "or" and state.kind(place - 1) != "open" and scope.polarity == "negated":
        state.note("negated_conjunction", at)
    elif joint == "and" and scope.polarity == "negated" and not state.fresh and state.scope.cue:
        state.note("and_in_negative_scope", at)
    elif state.kind(place - 1) == "phrase" and scope.polarity == "negated" and not state.fresh:
        state.note("unjoined", at)
    if state.after_comma and state.kind(place - 1) == "joint" and not _is_statement(state, piece):
        state.note("ambiguous_comma", at)


def _is_statement(state: State, piece: Chunk) -> bool:
    """Whether the phrase is a clause by itself: "the heart *is* enlarged", "clear lungs"."""
    words = {token.text for token in state.tokens[piece.first : piece.end]}
    return is_normal(piece) or (piece.match is not None and not _COPULAS.isdisjoint(words))


def _scope_for(state: State, piece: Chunk) -> Scope:
    """The open scope, turned round where the phrase itself holds a "not"."""
    if not state.fresh and state.scope.polarity != "affirmed" and _is_statement(state, piece):
        state.close()
    if piece.match is None or piece.match.negation is None:
        return state.scope
    at = piece.match.negation
    if state.scope.polarity == "negated":
        state.note("double_negation", (piece.first, piece.end))
        return Scope(cue=(at, at + 1))
    if state.scope.polarity == "uncertain":
        return state.scope
    return Scope("negated", "moderate", (at, at + 1))


def _modifiers(state: State, place: int, piece: Chunk) -> None:
    """Dangling modifiers repeat a head: "effusion on the left, *none on the right*"."""
    told = _kinds(piece)
    if state.scope.polarity != "affirmed" and state.fresh and state.reading.drafts and _repeats(state, piece):
        last = state.reading.drafts[-1]
        words = other_side(last.words, piece.words)
        state.add(Draft(moved(last.piece, piece), words, state.scope), state.scope)
        state.fresh = False
    elif _awaits(state, place, told) and (state.joint(place + 1) or state.kind(place + 1) == "cue"):
        state.waiting.append((piece, state.scope))
    elif piece.words != ("lung",):  # "lungs without nodules" loses nothing
        state.reading.spare.append((piece.first, piece.end))


def _kinds(piece: Chunk) -> set[str]:
    """What the modifiers of a chunk tell: side, size, place, quality."""
    kinds = vocabulary().modifiers
    return {kinds[word] for word in piece.words if word in kinds}


def _repeats(state: State, piece: Chunk) -> bool:
    """Whether bare modifiers speak of the finding before them: "none in the bases", "not spiculated"."""
    before = {token.text for token in state.tokens[max(piece.first - 2, 0) : piece.first]}
    told = _kinds(piece)
    if told & {"side", "size"}:
        return True
    return not before.isdisjoint(_PLACING) if "place" in told else "not" in before


def _awaits(state: State, place: int, told: set[str]) -> bool:
    """Whether bare modifiers wait for the head of a later phrase that has modifiers of the same kind."""
    joined = state.joint(place + 1) in {"and", "or"} and state.kind(place + 2) == "phrase"
    if told & {"side", "size"} or (joined and "place" in told):
        return True
    later = next((piece for piece in state.chunks[place + 1 :] if piece.kind == "phrase"), None)
    return later is not None and not told.isdisjoint(_kinds(later))


# Joints, parentheses and breaks


def _joint(state: State, place: int, piece: Chunk) -> None:
    if piece.words[0] != ",":
        return
    closed_by = _closed_by(state, place) or (state.list_word if state.joint(place + 1) else "")
    state.list_word = closed_by
    if not closed_by:
        state.group = []
    if state.scope.polarity == "affirmed" or state.fresh or state.scope.listing:
        return
    if closed_by == "or" or state.joint(place + 1) == "or" or (state.report and _bare_list(state, place)):
        return
    if closed_by == "and" and state.scope.polarity == "negated":
        return
    was_negated = state.scope.polarity == "negated" != state.base.polarity
    state.close()
    state.after_comma = (piece.first, piece.end) if was_negated else None


def _closed_by(state: State, place: int) -> str:
    """The "or" or "and" that closes the list of bare phrases after this comma, else nothing."""
    place += 1
    phrases = 0
    while True:
        while state.joint(place) == ",":
            place += 1
        if state.joint(place) in {"or", "and"}:
            word = state.joint(place)
            return word if phrases and state.kind(place + 1) in {"phrase", "modifiers"} else ""
        if state.says(place, "nor"):
            return "or"
        if state.kind(place) not in {"phrase", "modifiers"}:
            return ""
        phrases += 1
        place += 1
        if state.kind(place) != "joint" and not state.says(place, "nor"):
            return ""


def _bare_list(state: State, place: int) -> bool:
    """Whether a phrase follows that is no statement of normality and that no later cue claims."""
    while state.kind(place) in {"joint", "phrase"}:
        if state.kind(place) == "phrase" and _is_statement(state, state.chunks[place]):
            return False
        place += 1
    return state.kind(place) == "break"


def _open_group(state: State, place: int) -> None:
    is_operand = (
        state.kind(place - 1) in {"cue", "open"} and state.fresh and state.scope.polarity != "affirmed"
    )
    state.outer.append(
        Outer(state.scope, state.fresh, state.base, state.group, len(state.reading.drafts), is_operand)
    )
    if is_operand:
        scope = state.scope
        state.base = Scope(scope.polarity, scope.strength, scope.cue, scope.reason)
        state.close()
    state.group = []


def _close_group(state: State) -> None:
    outer = state.outer.pop()
    state.base = outer.base
    state.group = [*outer.group, *state.reading.drafts[outer.drafts :]]
    state.after_comma = None
    if outer.is_operand:
        state.close()
    else:
        state.scope, state.fresh = outer.scope, outer.fresh


def _break(state: State, place: int, piece: Chunk) -> None:
    answered = state.kind(place + 1) == "cue" and state.kind(place + 2) in {"break", "joint"}
    if piece.words != (".",) and (answered or (piece.words == (":",) and state.fresh)):
        # "effusion: none", "effusion; not seen" go on; "exclude: a, b" opens a list.
        state.scope = replace(state.scope, listing=state.fresh and state.scope.polarity != "affirmed")
        return
    state.reading.spare += [(waiting.first, waiting.end) for waiting, _ in state.waiting]
    state.close()
    state.group, state.waiting, state.after_comma = [], [], None


def _note_alternatives(state: State) -> None:
    """Say where "or" joins wanted findings: a search wants all that it is given."""
    drafts = state.reading.drafts
    for first, second in pairwise(drafts):
        if second.joined_by == "or" and first.scope.polarity == second.scope.polarity == "affirmed":
            state.note("or_of_wanted", (first.piece.first, second.piece.end))
