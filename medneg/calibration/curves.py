"""From a finding's scores to its probability, and how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from medneg.scoring import Curve

Scores = NDArray[np.floating]
Flags = NDArray[np.bool_]

BINS = 15
"""Of the calibration error: as many as in Guo et al. 2017."""

FOLDS = 5

LEAST = 20
"""Labelled images of either kind without which there is no curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A finding's curve with what was measured on held-out folds.

    Attributes:
        curve: fitted on all labelled images; its error is that of its like on the folds.
        isotonic_error: calibration error of isotonic regression on the same folds.
    """

    curve: Curve
    isotonic_error: float


def fit(scores: Scores, present: Flags, patients: NDArray[int64]) -> Fit | None:
    """Fit a finding's curve and measure it on images of patients that it was not fitted on.

    Args:
        scores: projections x·a of the labelled images, shape (n,).
        present: which of them show the finding, shape (n,).
        patients: whose they are, shape (n,).

    Returns:
        None with fewer than ``LEAST`` images, or two patients, that show it or that do not.
    """
    counts = int(present.sum()), int((~present).sum())
    people = (len(np.unique(patients[kind])) for kind in (present, ~present))
    if min(counts) < LEAST or min(people) < 2:
        return None
    held_out = np.empty((2, len(scores)), float64)
    for out in folds(patients):
        slope, intercept = platt(scores[~out], present[~out])
        held_out[0, out] = logistic(slope * scores[out] + intercept)
        held_out[1, out] = isotonic(scores[~out], present[~out], scores[out])
    platt_error, isotonic_error = (calibration_error(chances, present) for chances in held_out)
    slope, intercept = platt(scores, present)
    curve = Curve(slope=slope, intercept=intercept, present=counts[0], absent=counts[1], error=platt_error)
    return Fit(curve=curve, isotonic_error=isotonic_error)


def platt(scores: Scores, present: Flags) -> tuple[float, float]:
    """Slope and intercept of P(present | z) = σ(slope · z + intercept), of greatest likelihood.

    As in Platt, "Probabilistic outputs for support vector machines" (1999): the targets are (n₊ + 1)/(n₊ + 2)
    and 1/(n₋ + 2), which keeps the slope finite where the scores separate the kinds.

    Example:
        >>> slope, intercept = platt(np.array([0.0, 1, 2, 3]), np.array([False, False, True, True]))
        >>> round(-intercept / slope, 3)
        1.5
    """
    from scipy.optimize import minimize

    centre, spread = float(scores.mean()), float(scores.std()) or 1.0
    z = (scores.astype(float64) - centre) / spread
    positives = int(present.sum())
    target = np.where(present, (positives + 1) / (positives + 2), 1 / (len(z) - positives + 2))

    def loss(line: NDArray[float64]) -> tuple[float, NDArray[float64]]:
        logits = line[0] * z + line[1]
        residual = logistic(logits) - target
        value = np.mean(np.logaddexp(0.0, logits) - target * logits)
        return float(value), np.array([np.mean(residual * z), np.mean(residual)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    slope = float(found[0]) / spread
    return slope, float(found[1]) - slope * centre


def isotonic(scores: Scores, present: Flags, new: Scores) -> NDArray[float64]:
    """P(present) of new scores by isotonic regression, linear between the scores it was fitted on."""
    from scipy.optimize import isotonic_regression

    known, place = np.unique(scores, return_inverse=True)
    counts = np.bincount(place)
    share = np.bincount(place, weights=present) / counts
    steps = isotonic_regression(share, weights=counts).x
    return np.asarray(np.interp(new, known, steps), float64)


def calibration_error(chances: Scores, present: Flags, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal mass: Σ_b n_b/n · |mean present − mean chance|.

    Guo et al., "On calibration of modern neural networks" (2017), eq. 3, with the equal-mass bins of Nguyen &
    O'Connor (2015): where most images lack a finding, bins of equal width would be nearly empty but one.

    Example:
        >>> calibration_error(np.array([0.1, 0.1, 0.9, 0.9]), np.array([False, False, True, True]), bins=2)
        0.1
    """
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(float(present[part].mean()) - float(chances[part].mean())) for part in parts]
    return round(sum(gaps) / len(chances), 12)


def auc(scores: Scores, present: Flags) -> float:
    """The chance that an image with the finding scores above one without it; ties count half."""
    from scipy.stats import rankdata

    shown = int(present.sum())
    above = rankdata(scores)[present].sum() - shown * (shown + 1) / 2
    return float(above) / (shown * (len(scores) - shown))


def folds(patients: NDArray[int64], count: int = FOLDS) -> Iterator[Flags]:
    """Rows to hold out, fold after fold: every patient is held out once, with all images."""
    people, whose = np.unique(patients, return_inverse=True)
    of_person = np.random.default_rng(0).permutation(len(people)) % count
    for number in range(min(count, len(people))):
        yield np.asarray(of_person[whose] == number)


def logistic(logits: Scores) -> NDArray[float64]:
    """σ(t) = 1/(1 + e⁻ᵗ), without overflow."""
    chances: NDArray[float64] = np.exp(-np.logaddexp(0.0, -logits))
    return chances
