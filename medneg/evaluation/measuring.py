"""Every method on every question: the long loop of the benchmark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float32, float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.errors import CalibrationMissing
from medneg.evaluation import metrics
from medneg.evaluation.gallery import Gallery, Way
from medneg.evaluation.intervals import (
    DEPTH,
    PATIENT_RESAMPLES,
    patient_copies,
    resampled_precision,
)
from medneg.evaluation.questions import Question
from medneg.search import PLAIN

Progress = Callable[[int, int], None]

K = 10
"""The cut-off of the headline figures."""

MEASURES = (
    *("precision@1", "precision@5", "precision@10", "inclusion@10", "violation@10"),
    *("recall@1", "recall@5", "recall@10", "hits@5", "hits@10", "mrr@5", "mrr@10", "ndcg@5", "ndcg@10"),
    "rank",
)
"""Figures of one ranking: precision@k (ExclMM's AP@k), the shares of the first ten that show everything
wanted and anything unwanted, R@k, Hits@k, MRR@k, nDCG@k, and the rank of the first right picture (medR)."""

BY_PATIENT = ("precision@10", "inclusion@10", "violation@10")
"""Figures that are resampled by patient too."""

UNNEGATED = ("affirmed", "two-affirmed")
"""Kinds of question that every method must answer as plain cosine does, bit for bit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One way of asking on q questions.

    Attributes:
        gallery, pool: shape (q, measures); NaN where there is nothing to measure.
        gallery_resampled, pool_resampled: shape (q, resamples, measures by patient).
        identical: for each question without negation whether all scores are its model's plain cosine,
            shape (q,); True elsewhere.
    """

    gallery: NDArray[float64]
    pool: NDArray[float64]
    gallery_resampled: NDArray[float32]
    pool_resampled: NDArray[float32]
    identical: NDArray[np.bool_]


def measure(
    gallery: Gallery,
    questions: Sequence[Question],
    ways: Sequence[Way],
    rng: Generator,
    progress: Progress | None = None,
) -> dict[Way, Outcome]:
    """Ask all questions in all ways.

    Args:
        rng: draws the patients of the resampled galleries, the same ones for every ranking.
        progress: called with (done, total) questions.
    """
    copies = patient_copies(gallery.truth.patients, rng)
    shape = (len(ways), len(questions))
    found = np.full((2, *shape, len(MEASURES)), np.nan)
    resampled = np.full((2, *shape, PATIENT_RESAMPLES, len(BY_PATIENT)), np.nan, float32)
    identical = np.ones(shape, bool)
    for place, question in enumerate(questions):
        scores = np.stack([_score(gallery, question, way) for way in ways])  # w n
        if question.kind in UNNEGATED:
            identical[:, place] = (scores == _plain(gallery, question, ways)).all(axis=1)
        found[0, :, place], resampled[0, :, place] = _rank(question, scores, question.rows[None], copies)
        if len(question.pools):
            found[1, :, place], resampled[1, :, place] = _rank(question, scores, question.pools, copies)
        if progress is not None:
            progress(place + 1, len(questions))
    return {
        way: Outcome(
            gallery=found[0, number],
            pool=found[1, number],
            gallery_resampled=resampled[0, number],
            pool_resampled=resampled[1, number],
            identical=identical[number],
        )
        for number, way in enumerate(ways)
    }


def _rank(
    question: Question, scores: NDArray[float64], pools: NDArray[np.int64], copies: NDArray[np.uint8]
) -> tuple[NDArray[float64], NDArray[float32]]:
    """Figures of all ways, means over some pools.

    Args:
        scores: shape (ways, n).
        pools: the rows of each, shape (pools, size).
        copies: see ``patient_copies``, shape (resamples, n).

    Returns:
        Shapes (ways, measures) and (ways, resamples, measures by patient).
    """
    best = pools[np.arange(len(pools))[:, None], metrics.order(scores[:, pools])]  # w p s
    flags = _flags(question, best)
    near = np.moveaxis(copies[:, best[..., :DEPTH]], 0, 2)  # w p r s
    resampled = resampled_precision(near, flags[..., :DEPTH, :], K).mean(axis=1)
    found = figures(flags).mean(axis=1)
    unscored = np.isnan(scores[:, 0])
    found[unscored], resampled[unscored] = np.nan, np.nan
    return found, resampled


def _score(gallery: Gallery, question: Question, way: Way) -> NDArray[float64]:
    """Scores of all pictures; NaN where a method knows too little of this question's findings."""
    try:
        return gallery.score(question.query, way)
    except CalibrationMissing:
        return np.full(len(gallery.truth), np.nan)


def _plain(gallery: Gallery, question: Question, ways: Sequence[Way]) -> NDArray[float64]:
    """Plain cosine of the model of each way, shape (ways, n)."""
    own = {way.model: gallery.score(question.query, Way(*PLAIN, way.model)) for way in ways}
    return np.stack([own[way.model] for way in ways])


def _flags(question: Question, best: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Right, wanted, unwanted: for each picture of a ranking, shape (…, depth, 3)."""
    return np.stack([question.relevant[best], question.wanted[best], question.excluded[best]], axis=-1)


def figures(flags: NDArray[np.bool_]) -> NDArray[float64]:
    """All of ``MEASURES`` of rankings given as ``_flags``, shape (…, depth, 3) → (…, measures)."""
    ranked, wanted, unwanted = flags[..., 0], flags[..., 1], flags[..., 2]
    total = ranked.sum(axis=-1)
    return np.stack(
        [
            *(metrics.precision(ranked, k) for k in (1, 5, K)),
            metrics.precision(wanted, K),
            metrics.precision(unwanted, K),
            *(metrics.recall(ranked, total, k) for k in (1, 5, K)),
            *(metrics.hits(ranked, k) for k in (5, K)),
            *(metrics.reciprocal_rank(ranked, k) for k in (5, K)),
            *(metrics.ndcg(ranked, total, k) for k in (5, K)),
            metrics.first_rank(ranked),
        ],
        axis=-1,
    )
