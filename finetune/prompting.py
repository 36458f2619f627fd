"""One step's prompts: what they say, and of which images that is true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from finetune.captions import words_for
from finetune.embedded import Embedded
from finetune.grammar import pick
from finetune.wordings import about_one, about_two, name
from medneg.evaluation.truth import related
from medneg.query.lexicon import lexicon

SHARES = {"affirmed": 0.2, "negated": 0.25, "exclusion": 0.4, "both": 0.09, "neither": 0.06}
"""How often each kind is asked in label-aware tuning. Single negations alone would teach that any "no"
turns the whole sentence; without "A and B" any second finding would sound denied."""

ALONE = {"affirmed": 0.45, "negated": 0.55}
"""The same with a single finding, which has no company to be told from."""

FRAMES = (
    "{}",
    "{}",
    "a {}",
    "{} on the left",
    "{} in the right lung",
    "x-ray with {}",
    "patient with {}",
    "findings: {}",
)
"""What stands around a phrase beside the encoder's own template, which is as frequent as all of these."""

MODIFIED = 0.3
"""How often a phrase gets a side or a size."""

MODIFIERS = (
    "left",
    "right",
    "bilateral",
    "small",
    "large",
    "moderate",
    "mild",
    "left-sided",
    "right lower lobe",
)

WANTED_OF_TWO = {"exclusion": (True, False), "both": (True, True), "neither": (False, False)}
"""Kinds that name two findings: whether A is to be there, and whether B is."""

Named = tuple[tuple[str, bool], ...]
"""What a sentence names, in its own words, and whether it affirms it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prompt:
    """A sentence and its truth.

    Attributes:
        text: the sentence.
        true: shape (n,), the images of which it is true.
        false: shape (n,), those of which it is not; elsewhere nobody knows.
        named: what it names, in its own words, and whether it affirms it.
        denied: the finding it denies beside a wanted one; None for other kinds.
    """

    text: str
    true: NDArray[np.bool_]
    false: NDArray[np.bool_]
    named: Named
    denied: str | None = None

    @property
    def wants(self) -> bool:
        """Whether it affirms anything."""
        return any(wanted for _, wanted in self.named)


def write_prompt(data: Embedded, rng: Generator) -> Prompt:
    """Write one prompt that is true of some of the images and false of others."""
    shares = SHARES if len(data.concepts) > 1 else ALONE
    kinds, weights = list(shares), np.array(list(shares.values()))
    while True:
        kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        prompt = _single(data, kind, rng) if kind in ALONE else _two(data, kind, rng)
        if prompt is not None and prompt.true.any() and prompt.false.any():
            return prompt


def _single(data: Embedded, kind: str, rng: Generator) -> Prompt:
    finding, wanted = pick(data.concepts, rng), kind == "affirmed"
    called = name(finding, rng)
    there, gone = data.truth.shows(finding), data.truth.lacks(finding)
    return Prompt(
        text=about_one(called, wanted, rng),
        true=there if wanted else gone,
        false=gone if wanted else there,
        named=((called, wanted),),
    )


def _two(data: Embedded, kind: str, rng: Generator) -> Prompt | None:
    """A prompt about two findings; None when one is a kind of the other."""
    a, b = (pick(data.concepts, rng) for _ in range(2))
    if related(a, b):
        return None
    shows, lacks = data.truth.shows, data.truth.lacks
    wanted = WANTED_OF_TWO[kind]
    called = (name(a, rng), name(b, rng))
    return Prompt(
        text=about_two(called, wanted, rng),
        true=(shows if wanted[0] else lacks)(a) & (shows if wanted[1] else lacks)(b),
        false=(lacks if wanted[0] else shows)(a) | (lacks if wanted[1] else shows)(b),
        named=tuple(zip(called, wanted, strict=True)),
        denied=b if kind == "exclusion" else None,
    )


def write_phrase(template: str, rng: Generator) -> str:
    """A short phrase that denies nothing, as searches that take a query apart encode it.

    Args:
        template: the encoder's, with one ``{}``.
    """
    phrase = pick(pick(called_in_all(), rng), rng)
    if rng.random() < MODIFIED:
        phrase = f"{pick(MODIFIERS, rng)} {phrase}"
    return (template if rng.random() < 0.5 else pick(FRAMES, rng)).format(phrase)


@lru_cache(maxsize=1)
def called_in_all() -> tuple[tuple[str, ...], ...]:
    """The words for every concept of the lexicon, whether tuned on or not."""
    return tuple(words_for(finding.id) for finding in lexicon().findings)
