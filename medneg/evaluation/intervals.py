"""How sure a mean over queries is: bootstrap intervals, and a permutation test of paired differences.

NaN marks a query whose figure is not defined (too few pictures in a cell); it is left out, and ``n`` says how
many were left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.random import Generator
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A mean with its 95 % interval; ``n`` is how many units (queries or pictures) it is the mean of."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The mean of paired differences, its interval, and the two-sided p of the permutation test."""

    figure: Figure
    p: float


def mean_interval(values: NDArray[float64], rng: Generator, *, resamples: int = RESAMPLES) -> Figure:
    """Mean over queries with the percentile bootstrap interval (Efron & Tibshirani 1993, section 13.3).

    Args:
        values: one per query; NaN is left out.

    Returns:
        All NaN with ``n`` 0 when nothing is left.

    Example:
        >>> str(mean_interval(np.array([0.5, 0.5, np.nan]), np.random.default_rng(0)))
        '0.500 [0.500, 0.500]'
    """
    kept = values[~np.isnan(values)]
    if len(kept) == 0:
        return Figure(value=float("nan"), low=float("nan"), high=float("nan"), n=0)
    means = kept[rng.integers(len(kept), size=(resamples, len(kept)))].mean(axis=1)
    low, high = _percentiles(means)
    return Figure(value=float(kept.mean()), low=low, high=high, n=len(kept))


def statistic_interval(
    statistic: Callable[[NDArray[np.int64]], float], n: int, rng: Generator, *, resamples: int = 400
) -> Figure:
    """Bootstrap over pictures of a statistic of their row numbers; resamples where it is NaN are left out.

    Args:
        statistic: maps row numbers, repeated ones included, to a number.
        n: how many pictures there are.
    """
    drawn = np.array([statistic(rng.integers(n, size=n)) for _ in range(resamples)])
    drawn = drawn[~np.isnan(drawn)]
    value = statistic(np.arange(n))
    low, high = _percentiles(drawn) if len(drawn) else (float("nan"), float("nan"))
    return Figure(value=value, low=low, high=high, n=n)


def paired_difference(
    ours: NDArray[float64], theirs: NDArray[float64], rng: Generator, *, flips: int = 10_000
) -> Difference:
    """Mean of ours − theirs over the same queries, and how often chance does as much.

    Under the null hypothesis each difference could as well have the other sign (Fisher's randomisation
    test); p = (1 + flips at least as far from 0) / (1 + flips), so it is never 0.

    Raises:
        ValueError: if the two do not have one value per query each.
    """
    if ours.shape != theirs.shape or ours.ndim != 1:
        raise ValueError(f"paired values need the same shape (queries,); got {ours.shape} and {theirs.shape}")
    differences = ours - theirs
    differences = differences[~np.isnan(differences)]
    figure = mean_interval(differences, rng)
    if len(differences) == 0:
        return Difference(figure=figure, p=float("nan"))
    signs = rng.integers(0, 2, size=(flips, len(differences))) * 2 - 1
    by_chance = np.abs((signs * differences).mean(axis=1))
    reached = int((by_chance >= abs(figure.value) - 1e-12).sum())
    return Difference(figure=figure, p=(1 + reached) / (1 + flips))


def _percentiles(values: NDArray[float64]) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
