"""The sentences that tune a text tower: carriers with blanks, as data, in minimal pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from numpy.random import Generator

from finetune.captions import words_for
from medneg.query.lexicon import lexicon

PLAIN = 0.6
"""How often a finding is called by its prompt; else by any of its names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """Sentences with blanks.

    Attributes:
        pairs: (affirmed, negated) with ``{x}``: the same words around both polarities.
        exclusion, both, neither: with ``{a}`` and ``{b}``.
    """

    pairs: tuple[tuple[str, str], ...]
    exclusion: tuple[str, ...]
    both: tuple[str, ...]
    neither: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every carrier."""
        return (*(one for pair in self.pairs for one in pair), *self.exclusion, *self.both, *self.neither)


@lru_cache(maxsize=1)
def carriers() -> Carriers:
    """The carriers that ship with the trainers."""
    text = files("finetune").joinpath("assets", "wordings.json").read_text(encoding="utf-8")
    told = json.loads(text)
    return Carriers(
        pairs=tuple((affirmed, negated) for affirmed, negated in told["pairs"]),
        **{kind: tuple(told[kind]) for kind in ("exclusion", "both", "neither")},
    )


def name(finding: str, rng: Generator) -> str:
    """One of the words for a finding, its prompt most often."""
    if rng.random() < PLAIN:
        return lexicon().finding(finding).prompt
    return pick(words_for(finding), rng)


def pick(choices: Sequence[str], rng: Generator) -> str:
    """One of several, all alike."""
    return choices[int(rng.integers(len(choices)))]
