"""Finds the longest lexicon phrase, and statements of normality, at a place in the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from medneg.query.cues import vocabulary
from medneg.query.lexicon import Finding, Lexicon, key, lexicon
from medneg.query.normalise import Token

_ARTICLES = frozenset({"a", "an", "the", "any", "some"})
_END = ""
_COMPLETED = frozenset({"of", "for", "from"})
"""After a word of normality they make a cue: "clear of effusion", "negative for effusion"."""

_SHOW = frozenset({"has", "have", "show", "shows", "demonstrate", "demonstrates"})
_BETWEEN = frozenset({"in", ":", "the", "not"})
_MAX_GAP = 6


@dataclass(frozen=True, slots=True)
class Match:
    """A concept that tokens ``[first, end)`` name.

    ``negation`` is the token of a "not" inside it ("heart is *not* enlarged"), or the phrase's first token
    where the phrase itself says absent ("extubated"); ``modifiers`` are words of degree inside it.
    ``verbatim`` asks for the query's own words in place of the finding's name.
    """

    finding: str
    first: int
    end: int
    negation: int | None = None
    modifiers: tuple[str, ...] = ()
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """Tries over stems: all names and synonyms, and the anatomy that statements of normality speak of."""

    names: dict[str, Any]
    parts: dict[str, Any]
    states: dict[str, Any]


@lru_cache(maxsize=1)
def phrasebook() -> Phrasebook:
    """The phrases of the lexicon that ships with medneg."""
    return _phrasebook(lexicon())


def _phrasebook(source: Lexicon) -> Phrasebook:
    book = Phrasebook({}, {}, {})
    for finding in source.findings:
        for words in (finding.name, *finding.synonyms):
            _insert(book.names, key(words), (finding.id, False, finding.verbatim))
        for words in finding.kinds:
            _insert(book.names, key(words), (finding.id, False, True))
        for words in finding.absent_synonyms:
            _insert(book.names, key(words), (finding.id, True, False))
        for words in finding.parts:
            _insert(book.parts, key(words), finding)
        for words in finding.states:
            _insert(book.states, key(words), words)
    return book


def _insert(trie: dict[str, Any], stems: Sequence[str], value: object) -> None:
    for stem in stems:
        trie = trie.setdefault(stem, {})
    trie.setdefault(_END, value)


def match_name(tokens: Sequence[Token], first: int) -> Match | None:
    """The longest name or synonym that begins at ``first``.

    Articles, copulas and words of degree inside a phrase are stepped over, so "the heart is mildly
    enlarged" is "heart enlarged".
    """
    node = phrasebook().names.get(tokens[first].stem)
    if node is None:
        return None
    gap, kinds = vocabulary().gap, vocabulary().modifiers
    modifiers: list[str] = []
    negation: int | None = None
    stepped = foreign = 0
    found = _named(node, tokens, Match("", first, first + 1, verbatim=True))
    for position in range(first + 1, len(tokens)):
        token = tokens[position]
        if token.stem in node:
            node = node[token.stem]
            stepped += token.text == "of"
            so_far = Match("", first, position + 1, negation, tuple(modifiers), not foreign)
            found = _named(node, tokens, so_far) or found
        elif token.text == "not" and negation is None:
            negation = position
        elif token.text in _ARTICLES:
            continue
        elif token.text in gap or kinds.get(token.stem) == "side" or (stepped and token.stem in kinds):
            stepped, foreign = stepped + 1, foreign + 1
            if token.stem in kinds:
                modifiers.append(token.stem)
        else:
            break
    return found


def _named(node: dict[str, Any], tokens: Sequence[Token], so_far: Match) -> Match | None:
    """The match that ends at this node of the names, if a name does."""
    if _END not in node:
        return None
    finding, absent, verbatim = node[_END]
    end = so_far.end
    if end < len(tokens) and tokens[end].text in _COMPLETED and lexicon().finding(finding).kind == "normal":
        return None
    return replace(
        so_far,
        finding=finding,
        negation=so_far.first if absent else so_far.negation,
        verbatim=verbatim and so_far.verbatim,
    )


def match_normal(tokens: Sequence[Token], first: int) -> list[Match]:
    """A statement of normality that begins at ``first``, one match for each part of the body it covers.

    Reads "normal heart size and mediastinal contours" as well as "the heart and lungs are normal".
    """
    state, end = _state(tokens, first)
    if state:
        side_end = _skip_sides(tokens, end)
        sides = _sides(tokens[end:side_end])
        parts, end = _parts(tokens, side_end)
        return [replace(match, modifiers=sides) for match in _stated(parts, state, first, end)]
    parts, end = _parts(tokens, first)
    if not parts:
        return []
    if parts[-1].finding == "normal_chest" and end < len(tokens) and tokens[end].text in _SHOW:
        return []  # "films have unremarkable hila" speaks of the hila
    state, start, after = _state_after(tokens, end)
    denied = next((place for place in range(end, start) if tokens[place].text == "not"), None)
    return [replace(match, negation=denied) for match in _stated(parts, state, first, after)] if state else []


def match_carried(tokens: Sequence[Token], before: tuple[int, int], first: int) -> Match | None:
    """A bare word of normality that speaks of parts named before it: "lungs well expanded and *clear*"."""
    state, end = _state(tokens, first)
    if not state:
        return None
    for place in range(*before):
        part = _longest(phrasebook().parts, tokens, place)
        if part is not None and _suits(state, part[0]):
            return Match(part[0].id, first, end)
    return None


def _stated(parts: list[Match], state: str, first: int, end: int) -> list[Match]:
    fits = [part for part in parts if _suits(state, lexicon().finding(part.finding))]
    starts = [first, *(part.first for part in fits[1:])]
    ends = [*(part.end for part in fits[:-1]), end]
    return (
        [Match(*row) for row in zip((part.finding for part in fits), starts, ends, strict=True)]
        if fits
        else []
    )


def _suits(state: str, finding: Finding) -> bool:
    return state == "normal" or state in finding.states


def _parts(tokens: Sequence[Token], first: int) -> tuple[list[Match], int]:
    """Parts of the body from ``first`` on, joined by commas and "and"; and where the last one ends."""
    parts: list[Match] = []
    position = end = first
    while position < len(tokens):
        found = _longest(phrasebook().parts, tokens, position)
        if found is None:
            break
        finding, end = found
        parts.append(Match(finding.id, position, end))
        position = _skip_joint(tokens, end)
        if position == end:
            break
    return parts, end


def _skip_joint(tokens: Sequence[Token], position: int) -> int:
    start = position
    while position < len(tokens) and tokens[position].text in {",", "and", "&", "/", "the"}:
        position += 1
    return _skip_sides(tokens, position) if position > start else start


def _skip_sides(tokens: Sequence[Token], position: int) -> int:
    modifiers = vocabulary().modifiers
    while position < len(tokens) and (
        tokens[position].text in _ARTICLES or modifiers.get(tokens[position].stem) == "side"
    ):
        position += 1
    return position


def _sides(tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(token.stem for token in tokens if token.text not in _ARTICLES)


def _state_after(tokens: Sequence[Token], position: int) -> tuple[str, int, int]:
    """The word of normality that follows closely, where it begins and where it ends."""
    for _ in range(_MAX_GAP):
        state, end = _state(tokens, position)
        if state:
            return state, position, end
        if position >= len(tokens) or tokens[position].text not in (vocabulary().gap | _BETWEEN):
            break
        position += 1
    return "", position, position


def _state(tokens: Sequence[Token], position: int) -> tuple[str, int]:
    if position >= len(tokens):
        return "", position
    own = _longest(phrasebook().states, tokens, position)
    general = vocabulary().normal.longest([token.text for token in tokens[position : position + 6]], 0)
    state, end = own if own else ("", position)
    if general and position + general[0] > end:
        state, end = "normal", position + general[0]
    if end < len(tokens) and tokens[end].text in _COMPLETED:
        return "", position
    return state, end


def _longest(trie: dict[str, Any], tokens: Sequence[Token], position: int) -> tuple[Any, int] | None:
    found = None
    while position < len(tokens) and tokens[position].stem in trie:
        trie = trie[tokens[position].stem]
        position += 1
        if _END in trie:
            found = trie[_END], position
    return found
