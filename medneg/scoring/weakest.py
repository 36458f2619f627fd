"""Several wanted findings: the weakest link counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from medneg.values import Linear, Mention, Repulsion, Term


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What speaks for one wanted finding: y = x·v − offset.

    Attributes:
        vector: v, shape (d,), of any length.
        label: what people read.
        mention: what is wanted.
        offset: what an image without any particular evidence has.
    """

    vector: NDArray[np.float64]
    label: str
    mention: Mention | None = None
    offset: float = 0.0


def weakest_link(wanted: Sequence[Evidence]) -> tuple[Term, ...]:
    """The mean over all pairs of wanted findings of the weaker evidence, but for a constant.

    docs/explanation/one-plan.md, eq. 5, where it is measured against the mean.

    min(y, y') = (y + y')/2 − relu(y − y')/2 − relu(y' − y)/2, so for k findings

        (Σᵢ yᵢ)/k − Σᵢ Σⱼ≠ᵢ relu(yᵢ − yⱼ)/(k(k − 1)),

    and each repulsion takes from a finding what it has beyond another one. Of two findings it is the
    minimum; of more, the ordered weighted average (Yager 1988) with weights 2(k − r)/(k(k − 1)) from the
    weakest, r = 1, to the strongest, which counts for nothing. One finding is left as it is.

    Args:
        wanted: at least one.
    """
    count = len(wanted)
    links = tuple(
        Term(
            direction=one.vector.astype(np.float32),
            response=Linear(weight=1 / count),
            label=one.label,
            mention=one.mention,
        )
        for one in wanted
    )
    return links + tuple(
        Term(
            direction=(one.vector - other.vector).astype(np.float32),
            response=Repulsion(weight=1 / (count * (count - 1)), bias=one.offset - other.offset),
            label=f"{one.label} beyond {other.label}",
            mention=one.mention,
        )
        for one, other in permutations(wanted, 2)
    )
