"""Which differences between methods are more than chance: paired permutation tests, corrected by Holm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.evaluation.intervals import Figure, mean_intervals

FLIPS = 50_000
"""Sign patterns drawn: with p of at least 1/50,001, even a hundred comparisons can stay below .01."""

_CHUNK = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The mean of paired differences, its interval, and two-sided p before and after Holm's correction."""

    figure: Figure
    p: float
    p_holm: float


def paired_differences(
    ours: NDArray[float64], theirs: NDArray[float64], rng: Generator, *, flips: int = FLIPS
) -> tuple[Difference, ...]:
    """Compare paired values, one family of comparisons at a time.

    Under the null hypothesis each difference could as well have the other sign (Fisher's randomisation
    test); p = (1 + flips at least as far from 0) / (1 + flips), so it is never 0. All comparisons meet the
    same sign patterns.

    Args:
        ours, theirs: shape (comparisons, queries); NaN on either side leaves the query out.

    Raises:
        ValueError: if the two do not have one value per comparison and query each.
    """
    if ours.shape != theirs.shape or ours.ndim != 2:
        raise ValueError(
            f"paired values need the same shape (comparisons, queries); got {ours.shape} and {theirs.shape}"
        )
    differences = ours - theirs
    p = permutation_p(differences, rng, flips=flips)
    return tuple(
        Difference(figure=figure, p=float(one), p_holm=float(corrected))
        for figure, one, corrected in zip(mean_intervals(differences.T, rng), p, holm(p), strict=True)
    )


def permutation_p(differences: NDArray[float64], rng: Generator, *, flips: int = FLIPS) -> NDArray[float64]:
    """Two-sided p of each row's mean, (comparisons, queries) → (comparisons,); NaN without values."""
    known = ~np.isnan(differences)
    values = np.where(known, differences, 0.0)
    sums = np.abs(values.sum(axis=1)) - 1e-9
    reached = np.zeros(len(values))
    for start in range(0, flips, _CHUNK):
        count = min(_CHUNK, flips - start)
        signs = rng.integers(0, 2, size=(count, values.shape[1]), dtype=np.int8).astype(float64) * 2 - 1
        reached += (np.abs(signs @ values.T) >= sums).sum(axis=0)
    return np.where(known.any(axis=1), (1 + reached) / (1 + flips), np.nan)


def holm(p: NDArray[float64]) -> NDArray[float64]:
    """p of one family of comparisons, corrected (Holm 1979): the smallest times m, the next times m − 1, …

    NaN is no comparison, and stays.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]
    """
    corrected = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    ranked = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(ranked), 0, -1)
    corrected[ranked] = np.minimum(np.maximum.accumulate(p[ranked] * factors), 1.0)
    return corrected
