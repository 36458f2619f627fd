"""One step's prompts: what they say, and of which images that is true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from finetune.embedded import Embedded
from finetune.wordings import both, exclusion, neither, pair, pick
from medneg.evaluation.truth import related

SHARES = {"affirmed": 0.19, "negated": 0.26, "exclusion": 0.41, "both": 0.08, "neither": 0.06}
"""How often each kind is asked in label-aware tuning. Single negations alone would teach that any "no"
turns the whole sentence; without "A and B" any second finding would sound denied."""

ALONE = {"affirmed": 0.45, "negated": 0.55}
"""The same with a single finding, which has no company to be told from."""

TOLD_OF_TWO = {
    "exclusion": (exclusion, True, False),
    "both": (both, True, True),
    "neither": (neither, False, False),
}
"""Kinds that name two findings: how they are worded, whether A is to be there, and whether B is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prompt:
    """A sentence and its truth.

    Attributes:
        text: the sentence.
        true: shape (n,), the images of which it is true.
        false: shape (n,), those of which it is not; elsewhere nobody knows.
        affirmative: whether it denies nothing.
        denied: the finding it denies beside a wanted one; None for other kinds.
    """

    text: str
    true: NDArray[np.bool_]
    false: NDArray[np.bool_]
    affirmative: bool
    denied: str | None = None


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
    finding = pick(data.concepts, rng)
    affirmed, negated = pair(finding, rng)
    there, gone = data.truth.shows(finding), data.truth.lacks(finding)
    if kind == "affirmed":
        return Prompt(text=affirmed, true=there, false=gone, affirmative=True)
    return Prompt(text=negated, true=gone, false=there, affirmative=False)


def _two(data: Embedded, kind: str, rng: Generator) -> Prompt | None:
    """A prompt about two findings; None when one is a kind of the other."""
    a, b = (pick(data.concepts, rng) for _ in range(2))
    if related(a, b):
        return None
    shows, lacks = data.truth.shows, data.truth.lacks
    write, a_wanted, b_wanted = TOLD_OF_TWO[kind]
    return Prompt(
        text=write(a, b, rng),
        true=(shows if a_wanted else lacks)(a) & (shows if b_wanted else lacks)(b),
        false=(lacks if a_wanted else shows)(a) | (lacks if b_wanted else shows)(b),
        affirmative=a_wanted and b_wanted,
        denied=b if kind == "exclusion" else None,
    )
