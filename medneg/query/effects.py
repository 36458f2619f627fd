"""What each kind of cue does to the sentence: negate, doubt, except, end, reach back."""

from __future__ import annotations

from medneg.query.cues import Cue
from medneg.query.pieces import Chunk
from medneg.query.scope import Draft, Scope, State, Tokens, is_normal
from medneg.values import Reason

_ADVERSATIVES = frozenset(
    ["but", "however", "although", "though", "yet", "whereas", "while", "nevertheless", "nonetheless"]
)
_PRE = ("except", "neg", "unc", "hist", "pseudo", "term", "noop", "vs", "none")
_POST = ("postneg", "postunc", "postaff")
_PRONOUNS = frozenset({"it", "its", "they", "these", "those", "this"})
_SINGULAR = frozenset({"is", "was", "has", "does", "seems", "appears", "looks", "remains", "needs"})
_PLURAL = frozenset({"are", "were", "have", "do", "seem", "appear", "look", "remain", "need", "both", "all"})
_ALWAYS_EXCLUDE = frozenset({"rather", "instead", "as"})
_LEAVES_OUT = frozenset({"excluding", "barring", *_ALWAYS_EXCLUDE})


def apply_cue(state: State, place: int, piece: Chunk) -> None:
    """Let the cue at ``place`` act, backwards or forwards, as its neighbours decide."""
    by_kind = {cue.kind: cue for cue in reversed(piece.cues)}
    before = next((by_kind[kind] for kind in _PRE if kind in by_kind), None)
    after = next((by_kind[kind] for kind in _POST if kind in by_kind), None)
    at = (piece.first, piece.end)
    if after is not None and not state.group and state.kind(place + 1) != "phrase":
        state.group = _meant_by_pronoun(state, piece)
    if after is not None and _reaches_back(state, place, before):
        reach_back(state, after, at)
    elif before is not None and before.kind == "neg" and _answers_no(state, place, piece):
        reach_back(state, Cue("postneg", "strong"), at)
    elif before is not None:
        _reach_on(state, place, before, at)
    elif after is not None and after.kind == "postneg" and state.kind(place + 1) == "phrase":
        _negate(state, after, at)


def _meant_by_pronoun(state: State, piece: Chunk) -> list[Draft]:
    """The finding that "it" stands for: "there was pneumonia but *it* has gone"."""
    before = {token.text for token in state.tokens[max(piece.first - 2, 0) : piece.first]}
    return [] if before.isdisjoint(_PRONOUNS) else state.reading.drafts[-1:]


def _reaches_back(state: State, place: int, before: Cue | None) -> bool:
    if not state.group:
        return False
    if state.kind(place + 1) != "phrase":
        return True
    # Before a phrase the cue is an adjective or opens an answer: "or visible ptx", "findings: no ptx".
    piece = state.chunks[place]
    affirms = any(cue.kind == "postaff" for cue in piece.cues)
    answers = state.has((piece.first, piece.end), ":") and not affirms
    return (
        not state.joint(place - 1)
        and not answers
        and any(draft.scope.cue is None for draft in state.group)
        and (before is None or state.kind(place - 1) in {"phrase", "close"})
    )


def _answers_no(state: State, place: int, piece: Chunk) -> bool:
    """Whether a "no" stands behind its phrase and nothing follows: "calcification no"."""
    conjunction = any(state.says(place + 1, word) for word in _ADVERSATIVES)
    colon = place + 1 < len(state.chunks) and state.chunks[place + 1].words == (":",)
    ends = (state.kind(place + 1) == "break" and not colon) or state.joint(place + 1) == ","
    ends = ends or conjunction
    behind = state.kind(place - 1) in {"phrase", "close"}
    return ends and behind and state.has((piece.first, piece.end), "no", "not")


def reach_back(state: State, cue: Cue, at: Tokens) -> None:
    """Give the phrases of the open group the polarity of a cue that stands behind them."""
    for draft in _spoken_of(state, at):
        negated = draft.scope.polarity == "negated"
        if cue.kind == "postneg" and not negated:
            draft.scope = Scope("negated", cue.strength, at)
        elif cue.kind == "postunc" and not negated:
            draft.scope = Scope("uncertain", None, at)
        elif cue.kind == "postaff" and state.has(at, "not", "never") and not negated:
            draft.scope = Scope("affirmed", None, at)
            state.note("double_negation", at)
        elif cue.kind == "postaff" and negated and draft.joined_by == "and" and not state.report:
            draft.scope = Scope("affirmed", None, at)
    state.group = []
    state.close()


def _spoken_of(state: State, at: Tokens) -> list[Draft]:
    """The group, or its last phrase behind "and": "edema and effusion *is* absent" speaks of one."""
    verb = state.tokens[at[0]].text
    if len(state.group) < 2 or state.group[-1].joined_by != "and" or verb in _PLURAL:
        return state.group
    if verb in _SINGULAR:
        return state.group[-1:]
    if any(draft.scope.cue is None for draft in state.group):
        state.note("and_before_cue", at)
    return state.group


def _reach_on(state: State, place: int, cue: Cue, at: Tokens) -> None:
    if cue.kind == "neg":
        _negate(state, cue, _with_conjunction(state, place, at))
    elif cue.kind in {"unc", "hist"}:
        _doubt(state, cue, at)
    elif cue.kind == "pseudo":
        follows = state.kind(place + 1) in {"phrase", "modifiers", "joint", "open"}
        if follows and state.joint(place + 1) != ",":
            state.open(Scope(cue=at))
    elif cue.kind == "except":
        _except(state, at)
    elif cue.kind == "term":
        _end(state, at)
    elif cue.kind == "vs":
        _differ(state, at)
    elif cue.kind == "none":
        _none(state, place, at)


def _with_conjunction(state: State, place: int, at: Tokens) -> Tokens:
    """The cue together with the "but" or "with" right before it: "but no"."""
    if state.kind(place - 1) != "cue" or state.chunks[place - 1].end != at[0]:
        return at
    before = state.chunks[place - 1]
    return (before.first, at[1]) if any(cue.kind == "term" for cue in before.cues) else at


def _negate(state: State, cue: Cue, at: Tokens) -> None:
    inside = state.base.polarity == "negated" and not state.has(at, "nor", "neither")
    if state.scope.cue and state.scope.polarity == "negated" and (state.fresh or inside):
        state.note("double_negation", (state.scope.cue[0], at[1]))
        state.open(Scope(cue=(state.scope.cue[0], at[1]), once=inside))
        return
    # A NOT in capitals is an operator: it reaches its operand, as "-X" does.
    once = cue.once or state.tokens[at[1] - 1].stem == "NOT"
    listing = state.tokens[at[1] - 1].text == ":"
    state.open(Scope("negated", cue.strength, at, once=once, listing=listing))


def _doubt(state: State, cue: Cue, at: Tokens) -> None:
    if state.scope.polarity != "affirmed" and state.fresh:
        return
    if state.report and cue.kind == "hist" and not state.has(at, "history"):
        return
    reason: Reason = "history" if cue.kind == "hist" else "explicit"
    state.open(Scope("uncertain", None, at, reason))


def _except(state: State, at: Tokens) -> None:
    drafts = state.reading.drafts
    after_normal = bool(drafts) and is_normal(drafts[-1].piece)
    always = state.tokens[at[0]].text in _ALWAYS_EXCLUDE
    if not always and (after_normal or state.scope.polarity == "negated"):
        state.note("exception_flip", at)
        state.open(Scope(cue=at, reason="exception"))
    else:
        state.open(Scope("negated", "strong", at, "exception"))


def excuse(state: State) -> None:
    """Want the exception that opens a sentence: "apart from scoliosis, normal", "... , no effusion"."""
    drafts = state.reading.drafts
    if any(draft.scope.reason != "exception" or draft.scope.cue is None for draft in drafts):
        return
    for draft in drafts:
        cue = draft.scope.cue
        if cue and draft.scope.polarity == "negated" and state.tokens[cue[0]].text not in _LEAVES_OUT:
            draft.scope = Scope(cue=cue, reason="exception")
            state.note("exception_flip", cue)


def _end(state: State, at: Tokens) -> None:
    adversative = state.tokens[at[0]].text in _ADVERSATIVES
    if state.fresh and state.scope.polarity != "affirmed" and not adversative:
        return
    state.close()
    state.group, state.after_comma = [], None


def _differ(state: State, at: Tokens) -> None:
    scope = Scope("uncertain", None, at, "differential")
    if state.reading.drafts and state.reading.drafts[-1].scope.polarity != "negated":
        state.reading.drafts[-1].scope = scope
    state.open(scope)


def _none(state: State, place: int, at: Tokens) -> None:
    if state.kind(place + 1) == "modifiers" or not state.group:
        state.open(Scope("negated", "strong", at))
    else:
        reach_back(state, Cue("postneg", "strong"), at)
