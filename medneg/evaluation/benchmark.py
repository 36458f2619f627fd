"""The benchmark of a dual encoder on a labelled gallery: does it know the findings, and does "no" work?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.errors import ArchiveError
from medneg.evaluation.asking import Setup, about, open_gallery, remember
from medneg.evaluation.exclusionbench import LEAST, exclusionbench
from medneg.evaluation.gallery import BASE, Fold, Gallery, usable_ways
from medneg.evaluation.intervals import Figure, mean_interval, statistic_interval
from medneg.evaluation.measuring import Progress, measure
from medneg.evaluation.metrics import auc
from medneg.evaluation.questions import Question, named
from medneg.evaluation.report import Known, Report, ZeroShot
from medneg.evaluation.summary import (
    comparisons_of,
    controls_of,
    examples_of,
    gains_of,
    pairs_of,
    reading_of,
    rows_of,
    superscripts_of,
)
from medneg.evaluation.truth import Truth
from medneg.query import lexicon
from medneg.values import Query

if TYPE_CHECKING:
    from medneg.scoring import TextTower

EXAMPLES = ("effusion but no calcification",)
"""Queries that get a row of their own."""

WIDER = ("calcification", "support_device")
"""Concepts above the labelled findings whose AUC is measured too."""


def evaluate(
    images: NDArray[float32],
    labels: NDArray[np.bool_],
    findings: Sequence[str],
    encoder: TextTower,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Measure an encoder and the negation methods on a gallery with complete labels.

    Args:
        images: unit embeddings, shape (n, d), made by ``encoder``.
        labels: bool, shape (n, findings).
        findings: lexicon ids of the columns.
        encoder: its text tower reads the questions.
        seed: of the questions, the pools and the intervals.
        progress: called with (done, total) rankings.

    Raises:
        ValueError: if shapes disagree.
        UnknownName: if there is no such finding.
        ArchiveError: if the gallery is too small for any question.
    """
    if images.ndim != 2 or labels.shape != (len(images), len(findings)):
        raise ValueError(
            f"images must have shape (n, d) and labels (n, {len(findings)}); "
            f"got {images.shape} and {labels.shape}"
        )
    truth = Truth.from_labels(labels, findings)
    return evaluate_gallery(images, truth, encoder, setup=Setup(seed=seed), progress=progress)


def evaluate_gallery(
    images: NDArray[float32],
    truth: Truth,
    encoder: TextTower,
    *,
    setup: Setup,
    folds: tuple[Fold, ...] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure on a gallery whose labels may have gaps.

    Args:
        images: unit embeddings, shape (n, d).
        truth: of the same pictures.
        encoder: its text tower reads the questions.
        setup: how to ask.
        folds: calibrations from elsewhere; None fits them here, on other patients than are scored.
        progress: called with (done, total) rankings.

    Raises:
        ArchiveError: if the gallery is too small for any question.
    """
    rng = np.random.default_rng(setup.seed)
    questions = _questions(truth, setup, rng)
    gallery = open_gallery(images, truth, encoder, setup=setup, folds=folds)
    remember(gallery, [question.query for question in questions])
    ways, left_out = usable_ways(gallery, setup.methods, _negated(questions))
    outcomes = measure(gallery, questions, ways, rng, progress)
    lines = _zero_shot(images, gallery, BASE, rng)
    mean_auc = _mean_auc(lines, truth, rng)
    return Report(
        about=about(gallery, setup, folds),
        zero_shot=lines,
        mean_auc=mean_auc,
        reading=reading_of(questions),
        controls=controls_of(outcomes, questions),
        left_out=tuple((way.method, way.space, why, way.model) for way, why in left_out),
        exclusion=tuple(rows_of(outcomes, questions, rng)),
        comparisons=tuple(comparisons_of(outcomes, questions, rng)),
        superscripts=tuple(superscripts_of(outcomes, questions, rng)),
        pairs=tuple(pairs_of(outcomes, questions)),
        examples=tuple(examples_of(outcomes, questions)),
        gains=tuple(gains_of(outcomes, questions, rng)),
        known=(Known(model=BASE, mean_auc=mean_auc), *_known(images, gallery, rng)),
    )


def _questions(truth: Truth, setup: Setup, rng: Generator) -> tuple[Question, ...]:
    asked = exclusionbench(truth, how=setup.parse, rng=rng)
    if not any(question.query.negated for question in asked):
        raise ArchiveError(
            f"these labels answer no question about what is not there: at least {LEAST} labelled pictures "
            f"must show one finding and not another. They speak of {len(truth):,} pictures and "
            f"{len(truth.findings)} findings"
        )
    examples = (named(words, truth, how=setup.parse, rng=rng) for words in EXAMPLES)
    return (*asked, *(example for example in examples if example is not None))


def _negated(questions: Sequence[Question]) -> Query:
    return next(question.query for question in questions if question.query.negated)


def _known(images: NDArray[float32], gallery: Gallery, rng: Generator) -> Iterator[Known]:
    """What the text towers beside the base know."""
    for name, model in gallery.models.items():
        if name != BASE and model.head is None:
            lines = _zero_shot(images, gallery, name, rng)
            yield Known(model=name, mean_auc=_mean_auc(lines, gallery.truth, rng))


def _mean_auc(lines: Sequence[ZeroShot], truth: Truth, rng: Generator) -> Figure:
    own = [line.auc.value for line in lines if line.concept in truth.findings]
    return mean_interval(np.array(own), rng)


def _zero_shot(
    images: NDArray[float32], gallery: Gallery, model: str, rng: Generator
) -> tuple[ZeroShot, ...]:
    """Cosine of each concept's sentence, in the raw space, without any method."""
    truth, tower = gallery.truth, gallery.models[model].tower
    concepts = (
        *truth.findings,
        *(name for name in WIDER if name not in truth.findings and truth.knows(name)),
    )
    texts = [tower.card.template.format(lexicon().finding(name).prompt) for name in concepts]
    scores = images @ tower.encode_texts(texts).T  # n c
    lines = []
    for column, name in enumerate(concepts):
        known = np.flatnonzero(truth.all_known((name,)))
        present = truth.shows(name)[known]
        figure = statistic_interval(_auc_of(scores[known, column], present), len(known), rng)
        lines.append(ZeroShot(concept=name, positives=int(present.sum()), auc=figure))
    return tuple(lines)


def _auc_of(scores: NDArray[np.floating], present: NDArray[np.bool_]) -> Callable[[NDArray[np.int64]], float]:
    return lambda rows: auc(scores[rows], present[rows])
