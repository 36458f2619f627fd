"""Quality of rankings. Only the order of the scores counts: adding a constant changes nothing.

``order`` turns scores into an order; the measures look at ``ranked``: for each ranking, whether its first,
second, … picture is relevant. Several rankings go in at once, shape (…, depth), and one figure comes out for
each, shape (…). A figure that cannot be defined is NaN, never 0; ``medneg.evaluation.intervals`` leaves NaN
out and says how many figures were left.
"""

from __future__ import annotations

import numpy as np
from numpy import float64
from numpy.typing import NDArray

Ranked = NDArray[np.bool_]
"""Relevance in the order of a ranking, shape (…, depth), best first."""


def order(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Positions from the highest score to the lowest along the last axis; of equal ones, the earlier first.

    Example:
        >>> order(np.array([0.1, 0.9, 0.1])).tolist()
        [1, 0, 2]
    """
    positions: NDArray[np.int64] = np.argsort(-scores, axis=-1, kind="stable")
    return positions


def top(scores: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Positions of the ``k`` highest scores along the last axis, best first.

    Raises:
        ValueError: if ``k`` is below 1.
    """
    _require_cut_off(k)
    return order(scores)[..., :k]


def precision(ranked: Ranked, k: int) -> NDArray[float64]:
    """Share of the first ``k`` that are relevant; of all, where there are fewer than ``k``.

    Its mean over queries is what ExclMM's tables call AP@k (their AP@1 is precision@1, and their AP@5 lies
    above it, which no average precision truncated at 5 would do at these figures).

    Example:
        >>> float(precision(np.array([True, False, True]), 2))
        0.5
    """
    _require_cut_off(k)
    if ranked.shape[-1] == 0:
        return np.full(ranked.shape[:-1], np.nan)
    return np.asarray(ranked[..., :k].mean(axis=-1))


def recall(ranked: Ranked, total: NDArray[np.integer] | int, k: int) -> NDArray[float64]:
    """Share of the relevant pictures that are among the first ``k``; ``total`` is how many there are.

    With one relevant picture it is R@k as NegBench and SpaceVLM count it.
    """
    _require_cut_off(k)
    found = ranked[..., :k].sum(axis=-1, dtype=float64)
    count = np.asarray(total, float64)
    return np.asarray(np.divide(found, count, out=np.full(np.shape(found), np.nan), where=count > 0))


def hits(ranked: Ranked, k: int) -> NDArray[float64]:
    """1 where at least one of the first ``k`` is relevant, else 0: Hits@k, also called success@k."""
    _require_cut_off(k)
    return np.asarray(ranked[..., :k].any(axis=-1), float64)


def reciprocal_rank(ranked: Ranked, k: int) -> NDArray[float64]:
    """1/rank of the first relevant picture, 0 where it comes after the first ``k``; the mean is MRR@k."""
    return np.asarray(np.nan_to_num(1 / first_rank(ranked[..., :k])))


def first_rank(ranked: Ranked) -> NDArray[float64]:
    """Rank, from 1, of the first relevant picture; NaN where there is none. Its median is medR."""
    if ranked.shape[-1] == 0:
        return np.full(ranked.shape[:-1], np.nan)
    return np.where(ranked.any(axis=-1), ranked.argmax(axis=-1) + 1.0, np.nan)


def ndcg(ranked: Ranked, total: NDArray[np.integer] | int, k: int) -> NDArray[float64]:
    """Discounted cumulated gain of the first ``k`` over the best possible one.

    A right picture gains 1, discounted by log₂(rank + 1) (Järvelin and Kekäläinen 2002, section 2).
    """
    _require_cut_off(k)
    discount = 1 / np.log2(np.arange(k) + 2.0)
    gained = (ranked[..., :k] * discount[: ranked.shape[-1]]).sum(axis=-1)
    reachable = np.concatenate([[np.nan], np.cumsum(discount)])
    return np.asarray(gained / reachable[np.minimum(np.asarray(total), k)])


def precision_at_k(scores: NDArray[np.floating], relevant: NDArray[np.bool_], k: int = 10) -> float:
    """Precision of one ranking given as scores, shape (n,), and relevance, shape (n,).

    Example:
        >>> precision_at_k(np.array([0.9, -0.2, 0.1]), np.array([True, False, True]), k=2)
        1.0
    """
    _check(scores, relevant)
    return float(precision(relevant[top(scores, k)], k))


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


def _require_cut_off(k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")


def _check(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> None:
    if scores.shape != labels.shape or scores.ndim != 1:
        raise ValueError(
            f"scores and labels must both have shape (n,); got {scores.shape} and {labels.shape}"
        )
    if np.isnan(scores).any():
        raise ValueError(f"scores must not be NaN; {int(np.isnan(scores).sum())} of {len(scores)} are")
