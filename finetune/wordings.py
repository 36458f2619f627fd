"""The sentences that tune a text tower: carriers with blanks, as data, in minimal pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

from numpy.random import Generator

from finetune.captions import words_for
from medneg.query.lexicon import lexicon

Choice = TypeVar("Choice")

PLAIN = 0.6
"""How often a finding is called by its prompt; else by any of its names."""

JOINED = 0.3
"""How often a sentence about two findings is joined from two sentences about one."""

DRESSED = 0.2
"""How often a sentence gets an opener; as often, by itself, a closer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """Sentences with blanks.

    Attributes:
        pairs: (affirmed, negated) with ``{x}``: the same words around both polarities.
        exclusion, both, neither: with ``{a}`` and ``{b}``.
        joints: between two sentences about one finding each.
        openers, closers: words around a sentence that say nothing of any finding.
    """

    pairs: tuple[tuple[str, str], ...]
    exclusion: tuple[str, ...]
    both: tuple[str, ...]
    neither: tuple[str, ...]
    joints: tuple[str, ...]
    openers: tuple[str, ...]
    closers: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every carrier as it stands in the file."""
        return (*(one for pair in self.pairs for one in pair), *self.exclusion, *self.both, *self.neither)


@lru_cache(maxsize=1)
def carriers() -> Carriers:
    """The carriers that ship with the trainers."""
    text = files("finetune").joinpath("assets", "wordings.json").read_text(encoding="utf-8")
    told = json.loads(text)
    pairs = tuple((affirmed, negated) for affirmed, negated in told.pop("pairs"))
    return Carriers(pairs=pairs, **{kind: tuple(lines) for kind, lines in told.items()})


@lru_cache(maxsize=1)
def fresh() -> Mapping[str, Sequence[str]]:
    """Carriers that are measured and never looked at when others are chosen, by ExclusionBench's kinds."""
    text = files("finetune").joinpath("assets", "fresh.json").read_text(encoding="utf-8")
    found: Mapping[str, Sequence[str]] = json.loads(text)
    return found


def pair(finding: str, rng: Generator) -> tuple[str, str]:
    """The same sentence about a finding in both polarities: affirmed, negated."""
    affirmed, negated = pick(carriers().pairs, rng)
    words, frame = name(finding, rng), dress("{}", rng)
    return frame.format(affirmed.format(x=words)), frame.format(negated.format(x=words))


def exclusion(a: str, b: str, rng: Generator) -> str:
    """A sentence that wants one finding without the other."""
    return _about_two(carriers().exclusion, a, b, (0, 1), rng)


def both(a: str, b: str, rng: Generator) -> str:
    """A sentence that wants both findings."""
    return _about_two(carriers().both, a, b, (0, 0), rng)


def neither(a: str, b: str, rng: Generator) -> str:
    """A sentence that denies both findings."""
    return _about_two(carriers().neither, a, b, (1, 1), rng)


def _about_two(whole: Sequence[str], a: str, b: str, polarities: tuple[int, int], rng: Generator) -> str:
    if rng.random() >= JOINED:
        return dress(pick(whole, rng).format(a=name(a, rng), b=name(b, rng)), rng)
    halves = [
        pick(carriers().pairs, rng)[polarity].format(x=name(finding, rng))
        for finding, polarity in zip((a, b), polarities, strict=True)
    ]
    if rng.random() < 0.3:
        halves.reverse()
    return dress(pick(carriers().joints, rng).join(halves), rng)


def dress(sentence: str, rng: Generator) -> str:
    """Put words around a sentence, now and then, that change nothing of what it says."""
    opener = pick(carriers().openers, rng) if rng.random() < DRESSED else ""
    closer = pick(carriers().closers, rng) if rng.random() < DRESSED else ""
    return f"{opener}{sentence}{closer}"


def name(finding: str, rng: Generator) -> str:
    """One of the words for a finding, its prompt most often."""
    if rng.random() < PLAIN:
        return lexicon().finding(finding).prompt
    return pick(words_for(finding), rng)


def pick(choices: Sequence[Choice], rng: Generator) -> Choice:
    """One of several, all alike."""
    return choices[int(rng.integers(len(choices)))]
