"""The words of the grammar: cues, modifiers, fillers, stop words, read from ``medneg/assets/cues.json``.

A cue is a phrase that says how what stands before or after it is meant. Phrases use a tiny notation:
``(a|b)`` is one of the alternatives, ``[a|b]`` at most one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from threading import Lock
from typing import Any, Generic, Literal, TypeVar

from medneg.query.normalise import singular, tokenise
from medneg.values import Strength

CueKind = Literal[
    "neg",
    "postneg",
    "unc",
    "postunc",
    "hist",
    "pseudo",
    "postaff",
    "except",
    "term",
    "vs",
    "noop",
    "none",
]
Value = TypeVar("Value")
_START = frozenset({0})
_ELEMENT = re.compile(r"\(([^)]*)\)|\[([^\]]*)\]|([^\s()\[\]]+)")


@dataclass(frozen=True, slots=True)
class Cue:
    """What one phrase does: ``neg`` negates what follows, ``postneg`` what went before, and so on.

    ``once`` cues reach the next finding only ("-calcification").
    """

    kind: CueKind
    strength: Strength | None = None
    once: bool = False


class Phrases(Generic[Value]):
    """Finds the longest known phrase at a place in a list of words.

    Phrases are compiled to a non-deterministic automaton, which is made deterministic as texts are read;
    a step costs one look-up in a dictionary. Several threads may read at once.
    """

    def __init__(self) -> None:
        self._edges: list[dict[str, set[int]]] = [{}]
        self._values: dict[int, list[Value]] = {}
        self._states: dict[frozenset[int], int] = {}
        self._members: list[frozenset[int]] = []
        self._steps: list[dict[str, int]] = []
        self._accepted: list[tuple[Value, ...]] = []
        self._making = Lock()
        self.words: set[str] = set()

    def add(self, pattern: str, value: Value) -> None:
        """Let ``value`` be found where the pattern's words stand."""
        entries = {0}
        for group, option, word in _ELEMENT.findall(pattern):
            exits = {self._new_node()}
            (end,) = exits
            for alternative in (group or option or word).split("|"):
                self._add_path(entries, alternative.split(), end)
            entries = exits | entries if option else exits
        for node in entries - {0}:
            self._values.setdefault(node, []).append(value)

    def longest(self, words: Sequence[str], start: int) -> tuple[int, tuple[Value, ...]] | None:
        """The longest phrase that begins at ``start``: where it ends, and the values of its phrases."""
        state, found = self._state(_START), None
        for position in range(start, len(words)):
            state = self._step(state, words[position])
            if state < 0:
                break
            if self._accepted[state]:
                found = (position + 1, self._accepted[state])
        return found

    def _new_node(self) -> int:
        self._edges.append({})
        return len(self._edges) - 1

    def _add_path(self, entries: set[int], path: Sequence[str], end: int) -> None:
        self.words.update(path)
        for word in path[:-1]:
            node = self._new_node()
            for entry in entries:
                self._edges[entry].setdefault(word, set()).add(node)
            entries = {node}
        for entry in entries:
            self._edges[entry].setdefault(path[-1], set()).add(end)

    def _state(self, members: frozenset[int]) -> int:
        known = self._states.get(members)
        return self._make_state(members) if known is None else known

    def _make_state(self, members: frozenset[int]) -> int:
        with self._making:
            if members not in self._states:
                values: dict[Value, None] = {}
                for node in sorted(members):
                    values.update(dict.fromkeys(self._values.get(node, ())))
                self._members.append(members)
                self._steps.append({})
                self._accepted.append(tuple(values))
                # At last, for other threads find a state here without waiting.
                self._states[members] = len(self._members) - 1
            return self._states[members]

    def _step(self, state: int, word: str) -> int:
        steps = self._steps[state]
        if word not in steps:
            if word not in self.words:
                return -1
            targets = {target for node in self._members[state] for target in self._edges[node].get(word, ())}
            steps[word] = self._state(frozenset(targets)) if targets else -1
        return steps[word]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything of ``cues.json``, ready for matching. Modifiers, fillers and stop words are stems."""

    cues: Phrases[Cue]
    context: Phrases[str]
    normal: Phrases[bool]
    silent: Phrases[bool]
    modifiers: dict[str, str]
    fillers: frozenset[str]
    stop: frozenset[str]
    visible: frozenset[str]
    gap: frozenset[str]
    asking: frozenset[str]
    prefixes: frozenset[str]
    rewrites: dict[str, str]
    ambiguous: dict[str, tuple[str | None, tuple[str, ...]]]
    ambiguous_starts: frozenset[str]

    def words(self) -> Iterator[str]:
        """Every single word that the grammar knows."""
        yield from self.cues.words
        yield from self.context.words
        yield from self.normal.words
        yield from self.modifiers
        yield from self.fillers
        yield from self.stop
        yield from self.silent.words


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The vocabulary that ships with medneg."""
    text = files("medneg.assets").joinpath("cues.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    ambiguous = {
        " ".join(token.stem for token in tokenise(short, {})): (row["finding"], tuple(row["readings"]))
        for short, row in data["ambiguous"].items()
    }
    return Vocabulary(
        cues=_cues(data),
        context=_phrases((phrase, kind) for kind, phrases in data["context"].items() for phrase in phrases),
        normal=_phrases((phrase, True) for phrase in data["normal"]),
        silent=_phrases((phrase, True) for phrase in data["silent"]),
        modifiers={singular(word): kind for kind, words in data["modifiers"].items() for word in words},
        fillers=_stems(data["fillers"]),
        stop=_stems(data["stop"]),
        visible=_stems(data["visible"]),
        gap=frozenset(data["gap"]),
        asking=frozenset(data["asking"]),
        prefixes=frozenset(data["prefixes"]),
        rewrites=data["rewrites"],
        ambiguous=ambiguous,
        ambiguous_starts=frozenset(short.split()[0] for short in ambiguous),
    )


@lru_cache(maxsize=1)
def everyday_words() -> frozenset[str]:
    """Words that people put around a finding and that say nothing of it: "lecture", "kindly", "folder"."""
    text = files("medneg.assets").joinpath("everyday_words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def _cues(data: dict[str, Any]) -> Phrases[Cue]:
    cues: Phrases[Cue] = Phrases()
    for row in data["cues"]:
        for phrase in row["phrases"]:
            cues.add(phrase, Cue(row["class"], row.get("strength")))
    for mark in data["once"]:
        cues.add(mark, Cue("neg", "strong", once=True))
    return cues


def _phrases(rows: Iterable[tuple[str, Value]]) -> Phrases[Value]:
    phrases: Phrases[Value] = Phrases()
    for phrase, value in rows:
        phrases.add(phrase, value)
    return phrases


def _stems(words: Iterable[str]) -> frozenset[str]:
    return frozenset(words) | frozenset(singular(word) for word in words)
