"""How sure a mean over queries is: bootstrap intervals by query and by patient.

NaN marks a query whose figure is not defined (too few pictures in a cell); it is left out, and ``n`` says how
many were left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy import float32, float64
from numpy.random import Generator
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95

PATIENT_RESAMPLES = 200
DEPTH = 100
"""Ranks that a resampled ranking is filled from: each picture is left out of 37 % of the resamples, so the
first ten come from about the first sixteen, and from beyond the hundredth only if one patient fills it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A mean with its 95 % interval; ``n`` is how many units (queries or pictures) it is the mean of."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


UNDEFINED = Figure(value=float("nan"), low=float("nan"), high=float("nan"), n=0)


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
        return UNDEFINED
    means = kept[rng.integers(len(kept), size=(resamples, len(kept)))].mean(axis=1)
    low, high = percentiles(means)
    return Figure(value=float(kept.mean()), low=low, high=high, n=len(kept))


def mean_intervals(
    values: NDArray[float64], rng: Generator, *, resamples: int = RESAMPLES
) -> tuple[Figure, ...]:
    """``mean_interval`` of every column, shape (queries, measures), over the same resampled queries."""
    known = ~np.isnan(values)
    if not known.any():
        return tuple(UNDEFINED for _ in values.T)
    count = len(values)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(float64)
    sums, held = drawn @ np.where(known, values, 0.0), drawn @ known.astype(float64)
    means = np.divide(sums, held, out=np.full(sums.shape, np.nan), where=held > 0)
    columns = range(values.shape[1])
    return tuple(_figure(values[known[:, m], m], means[~np.isnan(means[:, m]), m]) for m in columns)


def _figure(kept: NDArray[float64], means: NDArray[float64]) -> Figure:
    if len(kept) == 0:
        return UNDEFINED
    low, high = percentiles(means)
    return Figure(value=float(kept.mean()), low=low, high=high, n=len(kept))


def median_interval(values: NDArray[float64], rng: Generator, *, resamples: int = 500) -> Figure:
    """Median over queries with its percentile bootstrap interval; NaN is left out."""
    kept = values[~np.isnan(values)]
    if len(kept) == 0:
        return UNDEFINED
    medians = np.median(kept[rng.integers(len(kept), size=(resamples, len(kept)))], axis=1)
    low, high = percentiles(medians)
    return Figure(value=float(np.median(kept)), low=low, high=high, n=len(kept))


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
    low, high = percentiles(drawn) if len(drawn) else (float("nan"), float("nan"))
    return Figure(value=statistic(np.arange(n)), low=low, high=high, n=n)


def percentiles(values: NDArray[float64]) -> tuple[float, float]:
    """The two ends of the 95 % percentile interval of resampled means."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def shifted_percentiles(values: NDArray[float64], value: float) -> tuple[float, float]:
    """The interval of resampled shares, shifted so that their mean is the share itself, kept in [0, 1].

    A resampled gallery holds 63 % of the patients, some of them several times. Its first ten reach further
    down the ranking, so resampled shares lie below the real one; the shift takes that bias out (Efron &
    Tibshirani 1993, section 10.2).
    """
    low, high = percentiles(values)
    shift = value - float(values.mean())
    return max(0.0, min(value, low + shift)), min(1.0, max(value, high + shift))


def patient_copies(patients: NDArray[np.int64], rng: Generator) -> NDArray[np.uint8]:
    """How often each picture stands in a gallery of patients drawn with replacement.

    All pictures of a patient come and go together (cluster bootstrap; Davison & Hinkley 1997, section 3.8).

    Args:
        patients: a number for each picture's person, shape (n,).

    Returns:
        Shape (resamples, n).

    Example:
        >>> copies = patient_copies(np.array([7, 7, 9]), np.random.default_rng(0))
        >>> bool((copies[:, 0] == copies[:, 1]).all()), set(copies[:, [0, 2]].sum(axis=1).tolist())
        (True, {2})
    """
    _, which = np.unique(patients, return_inverse=True)
    people = int(which.max()) + 1
    drawn = rng.multinomial(people, np.full(people, 1 / people), size=PATIENT_RESAMPLES)
    return drawn.astype(np.uint8)[:, which]


def resampled_precision(copies: NDArray[np.uint8], flags: NDArray[np.bool_], k: int) -> NDArray[float32]:
    """Share of flagged pictures among the first ``k`` of a ranking, in each resampled gallery.

    Args:
        copies: how often each picture of the ranking stands in each resample, best first, shape
            (…, resamples, depth).
        flags: what to count, shape (…, depth, measures).

    Returns:
        Shape (…, resamples, measures); of fewer than ``k``, where a resample holds fewer.
    """
    filled = np.minimum(np.cumsum(copies, axis=-1, dtype=np.uint16), k).astype(float32)
    taken = filled.copy()
    taken[..., 1:] -= filled[..., :-1]
    held = np.maximum(filled[..., -1:], float32(1))
    return np.asarray((taken @ flags.astype(float32)) / held, float32)
