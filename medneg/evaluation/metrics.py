"""Quality of one ranking. Only the order of the scores counts: adding a constant changes nothing.

A figure that cannot be defined is NaN, never 0: ``auc`` without both classes, precision or violation of an
empty gallery. ``medneg.evaluation.intervals`` leaves NaN out and says how many figures were left.
"""

from __future__ import annotations

import numpy as np
from numpy import float64
from numpy.typing import NDArray


def auc(scores: NDArray[np.floating], present: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a picture with the finding outranks one without, ties half.

    It is the Mann-Whitney statistic from mid-ranks (Hanley & McNeil 1982, equation 1).

    Args:
        scores: shape (n,).
        present: shape (n,).

    Returns:
        In [0, 1]; NaN when all pictures or none show the finding.

    Raises:
        ValueError: if the shapes differ or a score is NaN.

    Example:
        >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
        0.75
    """
    _check(scores, present)
    positives = int(present.sum())
    negatives = len(present) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    above = mid_ranks(scores)[present].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def precision_at_k(scores: NDArray[np.floating], relevant: NDArray[np.bool_], k: int = 10) -> float:
    """Share of the best ``k`` that are relevant; of all, where there are fewer than ``k``.

    Equal scores are ordered as they stand, as in the archive's own ranking.

    Example:
        >>> precision_at_k(np.array([0.9, -0.2, 0.1]), np.array([True, False, True]), k=2)
        1.0
    """
    _check(scores, relevant)
    best = top(scores, k)
    return float(relevant[best].mean()) if len(best) else float("nan")


def violation_at_k(scores: NDArray[np.floating], excluded: NDArray[np.bool_], k: int = 10) -> float:
    """Share of the best ``k`` that show what was excluded.

    Example:
        >>> violation_at_k(np.array([0.9, -0.2, 0.1]), np.array([True, False, False]), k=2)
        0.5
    """
    return precision_at_k(scores, excluded, k)


def top(scores: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Row numbers of the ``k`` highest scores, best first; of equal ones, the earlier row first.

    Raises:
        ValueError: if ``k`` is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    return np.argsort(-scores, kind="stable")[:k]


def mid_ranks(scores: NDArray[np.floating]) -> NDArray[float64]:
    """Rank of each score, 1 for the lowest; equal scores share the mean of their ranks.

    Example:
        >>> mid_ranks(np.array([5.0, 1.0, 5.0])).tolist()
        [2.5, 1.0, 2.5]
    """
    _, which, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[float64] = (last - (counts - 1) / 2)[which]
    return ranks


def _check(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> None:
    if scores.shape != labels.shape or scores.ndim != 1:
        raise ValueError(
            f"scores and labels must both have shape (n,); got {scores.shape} and {labels.shape}"
        )
    if np.isnan(scores).any():
        raise ValueError(f"scores must not be NaN; {int(np.isnan(scores).sum())} of {len(scores)} are")
