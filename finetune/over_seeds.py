"""How sure a figure is that was measured in several runs: they differ in split, order and prompts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy import float64
from numpy.typing import NDArray
from scipy.stats import t

from medneg.evaluation.intervals import LEVEL, UNDEFINED, Figure

BySeed = Mapping[int, Mapping[str, float]]
"""What was measured in each run, by seed and by name."""


def over_seeds(values: NDArray[float64]) -> Figure:
    """Mean over runs with Student's 95 % interval, mean ± t(n − 1)·s/√n; NaN is left out.

    A bootstrap of three or five runs would be too narrow. A single run has no interval.

    Example:
        >>> str(over_seeds(np.array([0.8, 0.9, 1.0])))
        '0.900 [0.652, 1.148]'
    """
    kept = values[~np.isnan(values)]
    if len(kept) == 0:
        return UNDEFINED
    mean, n = float(kept.mean()), len(kept)
    if n == 1:
        return Figure(value=mean, low=float("nan"), high=float("nan"), n=1)
    half = float(t.ppf((1 + LEVEL) / 2, n - 1) * kept.std(ddof=1) / np.sqrt(n))
    return Figure(value=mean, low=mean - half, high=mean + half, n=n)


def means(runs: BySeed) -> dict[str, Figure]:
    """Every figure's mean over the runs."""
    return {name: over_seeds(_column(runs, name, tuple(runs))) for name in _names(runs)}


def differences(runs: BySeed, others: BySeed) -> dict[str, Figure]:
    """Every figure's mean difference, seed by seed, where both have it."""
    seeds = tuple(seed for seed in runs if seed in others)
    if not seeds:
        return {}
    shared = (name for name in _names(runs) if name in _names(others))
    return {name: over_seeds(_column(runs, name, seeds) - _column(others, name, seeds)) for name in shared}


def told(figure: Figure) -> str:
    """A figure for people; without an interval where it comes from one run."""
    return f"{figure.value:.3f} (1 run)" if figure.n == 1 else str(figure)


def _names(runs: BySeed) -> tuple[str, ...]:
    return tuple(next(iter(runs.values()), {}))


def _column(runs: BySeed, name: str, seeds: tuple[int, ...]) -> NDArray[float64]:
    return np.array([runs[seed].get(name, np.nan) for seed in seeds])
