"""How far down an order of images a promise goes: the arithmetic, without archive or words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy import float64, int8, int64
from numpy.typing import NDArray

from medneg.labels import ABSENT, PRESENT, UNCERTAIN, UNKNOWN

CONFIDENCE = 0.95

Count = float | NDArray[float64] | NDArray[int64]

_ROUNDING = 1e-9


def candidates(
    wanted: Sequence[NDArray[float64]],
    excluded: Sequence[NDArray[float64]],
    states: NDArray[int8],
    allowed: NDArray[np.bool_],
) -> NDArray[int64]:
    """Rows that a promise may let through, the safest first.

    An image fits if it is allowed, if everything wanted is there with a probability of at least one half, and
    if no label calls what is excluded uncertain. It is the safer, the greater Π(1 − P) over what is excluded.

    Args:
        wanted, excluded: log-odds of each finding, shape (n,).
        states: what labels say of the excluded findings together, shape (n,).
        allowed: shape (n,).
    """
    fits = allowed & (states != UNCERTAIN)
    for odds in wanted:
        fits &= odds >= 0
    rows = np.flatnonzero(fits)
    danger = np.sum([np.logaddexp(0.0, odds[rows]) for odds in excluded], axis=0)
    return rows[np.argsort(danger, kind="stable")]


def joint_states(states: NDArray[int8]) -> NDArray[int8]:
    """What labels say of several findings together, (n, findings) → (n,): absent where all of them are.

    Example:
        >>> joint_states(np.array([[ABSENT, PRESENT], [ABSENT, ABSENT], [ABSENT, UNKNOWN]], np.int8)).tolist()
        [3, 1, 0]
    """
    worst = states.max(axis=1)
    return np.where((worst == ABSENT) & (states != ABSENT).any(axis=1), UNKNOWN, worst).astype(int8)


def doubt_per_step(states: NDArray[int8], patients: NDArray[int64], confidence: float) -> float:
    """The level of each test, in (0, 1 − confidence]: stricter where carriers come several to a patient.

    Over random choices of labelled patients the number of labelled carriers varies d times as much as if
    every carrier were another patient's, d = Σv²/Σv over the numbers v of carriers of each patient (the
    design effect of Kish, "Survey sampling", 1965). The level 1 − confidence = Φ(z) becomes Φ(√d·z). Without
    a labelled carrier, d is that of all images.

    Args:
        states: PRESENT, ABSENT or UNKNOWN, shape (n,).
        patients: whose the images are, shape (n,).
        confidence: of the promise.

    Example:
        >>> round(doubt_per_step(np.array([PRESENT, PRESENT], np.int8), np.array([7, 8]), 0.95), 3)
        0.05
        >>> round(doubt_per_step(np.array([PRESENT, PRESENT], np.int8), np.array([7, 7]), 0.95), 3)
        0.01
    """
    from scipy.special import ndtr, ndtri

    carries = states == PRESENT
    counts = np.unique(patients[carries] if carries.any() else patients, return_counts=True)[1]
    effect = float((counts**2).sum() / counts.sum())
    return float(ndtr(np.sqrt(effect) * ndtri(1 - confidence)))


def largest_safe(
    states: NDArray[int8], patients: NDArray[int64], *, risk: float, confidence: float = CONFIDENCE
) -> int:
    """How far down an order one may go, so that of the unlabelled images at most ``risk`` carry the finding.

    Fixed-sequence testing as in Angelopoulos et al., "Learn then test" (arXiv:2110.01052, 2021), from the
    safest images on, with an exact test at each step: if more than risk·m of m unlabelled images carried it,
    v or fewer among n labelled ones would be a chance of at most P(V ≤ v), V hypergeometric with the least
    number of carriers that breaks the promise (docs/explanation/promises.md, eq. 1 and 2). Without unlabelled
    images V is binomial, which is Clopper and Pearson's bound (1934).

    Args:
        states: PRESENT, ABSENT or UNKNOWN, the safest image first, shape (n,).
        patients: whose the images are, shape (n,).
        risk: in (0, 1).
        confidence: how often the promise holds, over random choices of which patients are labelled.

    Returns:
        The length of the longest start of the order that may be shown; 0 if there is none.
    """
    if len(states) == 0:
        return 0
    carries = states == PRESENT
    labelled = carries | (states == ABSENT)
    v, n = np.cumsum(carries), np.cumsum(labelled)
    m = np.full(len(states), np.inf) if labelled.all() else np.cumsum(~labelled).astype(float64)
    doubt = doubt_per_step(states, patients, confidence)

    def testable(step: int) -> bool:
        return bool(chance_of_so_few(0, int(n[step]), float(m[step]), risk) <= doubt)

    first = bisect_left(range(len(states)), True, key=testable)
    if first == len(states):
        return 0
    # Between two images that are labelled as carrying it, the test only gets easier.
    steps = np.concatenate([[first], first + 1 + np.flatnonzero(carries[first + 1 :])])
    failed = np.flatnonzero(chance_of_so_few(v[steps], n[steps], m[steps], risk) > doubt)
    if len(failed) == 0:
        return len(states)
    return int(steps[failed[0]]) if failed[0] > 0 else 0


def chance_of_so_few(v: Count, n: Count, m: Count, risk: float) -> NDArray[float64]:
    """P(at most v of n labelled images carry it), were the promise broken for m unlabelled ones.

    Up to w = ⌊risk·m⌋ may carry it. The test takes the largest m with the same w, so that it never gets
    harder when an unlabelled image is added.
    """
    from scipy.stats import binom, hypergeom

    if np.isinf(m).any():
        return np.asarray(binom.cdf(v, n, risk), float64)
    w = np.floor(risk * np.asarray(m) + _ROUNDING)
    most = np.ceil((w + 1) / risk - _ROUNDING) - 1
    return np.asarray(hypergeom.cdf(v, n + most, v + w + 1, n), float64)
