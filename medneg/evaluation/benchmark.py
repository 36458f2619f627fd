"""The benchmark of a dual encoder on a labelled gallery: does it know the findings, and does "no" work?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.random import Generator
from numpy.typing import NDArray

from medneg import __version__
from medneg.errors import ArchiveError
from medneg.evaluation.crossfit import CROSSED, cross_fit, unsupervised
from medneg.evaluation.exclusionbench import LEAST, exclusionbench
from medneg.evaluation.gallery import Fold, Gallery, usable_ways
from medneg.evaluation.intervals import mean_interval, statistic_interval
from medneg.evaluation.measuring import Progress, measure
from medneg.evaluation.metrics import auc
from medneg.evaluation.projections import Projections
from medneg.evaluation.questions import Question, RememberingTower, named
from medneg.evaluation.report import About, Report, ZeroShot
from medneg.evaluation.summary import (
    DEFAULT,
    comparisons_of,
    controls_of,
    examples_of,
    pairs_of,
    reading_of,
    rows_of,
    superscripts_of,
)
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import Parse
from medneg.query import lexicon
from medneg.scoring import METHODS
from medneg.values import Query

if TYPE_CHECKING:
    from medneg.encoders import Encoder

EXAMPLES = ("effusion but no calcification",)
"""Queries that get a row of their own."""

WIDER = ("calcification", "support_device")
"""Concepts above the labelled findings whose AUC is measured too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How to ask.

    Attributes:
        parse: "real", or "gold" to leave the parser's errors out.
        seed: of questions, pools and resampling.
        methods: names in ``medneg.scoring.METHODS``; None for all.
        truth: where the labels come from, in words.
    """

    parse: Parse = "real"
    seed: int = 0
    methods: tuple[str, ...] | None = None
    truth: str = "given labels"


def evaluate(
    images: NDArray[float32],
    labels: NDArray[np.bool_],
    findings: Sequence[str],
    encoder: Encoder,
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
    encoder: Encoder,
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
    gallery = gallery_of(images, truth, encoder, folds or fit(images, truth, encoder, setup))
    gallery.tower.remember(_sentences(questions, encoder.card.template))
    ways, left_out = usable_ways(gallery, setup.methods or tuple(METHODS), _negated(questions))
    outcomes = measure(gallery, questions, ways, rng, progress)
    lines = _zero_shot(images, gallery, rng)
    own = [line.auc.value for line in lines if line.concept in truth.findings]
    return Report(
        about=about(encoder, truth, setup, folds),
        zero_shot=lines,
        mean_auc=mean_interval(np.array(own), rng),
        reading=reading_of(questions),
        controls=controls_of(outcomes, questions),
        left_out=tuple((way.method, way.space, why) for way, why in left_out),
        exclusion=tuple(rows_of(outcomes, questions, rng)),
        comparisons=tuple(comparisons_of(outcomes, questions, rng)),
        superscripts=tuple(superscripts_of(outcomes, questions, rng)),
        pairs=tuple(pairs_of(outcomes, questions)),
        examples=tuple(examples_of(outcomes, questions)),
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


def _sentences(questions: Sequence[Question], template: str) -> list[str]:
    """The texts that belong to one question each, as the methods will ask for them."""
    queries = [question.query for question in questions]
    opposites = (template.format(text) for query in queries for text in query.counterfactuals)
    return list(dict.fromkeys((*(query.sentence for query in queries), *opposites)))


def _negated(questions: Sequence[Question]) -> Query:
    return next(question.query for question in questions if question.query.negated)


def fit(images: NDArray[float32], truth: Truth, encoder: Encoder, setup: Setup) -> tuple[Fold, ...]:
    """What the methods need to know: curves of other patients, where one of them needs curves."""
    if _needs_curves(setup):
        return cross_fit(images, truth, encoder)
    return (Fold(rows=np.arange(len(truth)), calibration=unsupervised(images, encoder)),)


def _needs_curves(setup: Setup) -> bool:
    return any(METHODS[name].needs_curves for name in setup.methods or METHODS if name in METHODS)


def gallery_of(images: NDArray[float32], truth: Truth, encoder: Encoder, folds: tuple[Fold, ...]) -> Gallery:
    """A gallery ready to be asked."""
    tower = RememberingTower(encoder)
    return Gallery(projections=Projections(images), truth=truth, tower=tower, folds=folds)


def about(encoder: Encoder, truth: Truth, setup: Setup, folds: tuple[Fold, ...] | None) -> About:
    """What every report opens with."""
    card = encoder.card
    return About(
        encoder=card.name,
        licence=card.licence,
        notice=card.notice,
        pictures=len(truth),
        patients=len(np.unique(truth.patients)),
        truth=setup.truth,
        parse=setup.parse,
        curves="another archive" if folds else CROSSED if _needs_curves(setup) else "nowhere: none is needed",
        seed=setup.seed,
        version=__version__,
        default=(DEFAULT.method, DEFAULT.space),
    )


def _zero_shot(images: NDArray[float32], gallery: Gallery, rng: Generator) -> tuple[ZeroShot, ...]:
    """Cosine of each concept's sentence, in the raw space, without any method."""
    truth, card = gallery.truth, gallery.tower.card
    concepts = (
        *truth.findings,
        *(name for name in WIDER if name not in truth.findings and truth.knows(name)),
    )
    texts = [card.template.format(lexicon().finding(name).prompt) for name in concepts]
    scores = images @ gallery.tower.encode_texts(texts).T  # n c
    lines = []
    for column, name in enumerate(concepts):
        known = np.flatnonzero(truth.all_known((name,)))
        present = truth.shows(name)[known]
        figure = statistic_interval(_auc_of(scores[known, column], present), len(known), rng)
        lines.append(ZeroShot(concept=name, positives=int(present.sum()), auc=figure))
    return tuple(lines)


def _auc_of(scores: NDArray[np.floating], present: NDArray[np.bool_]) -> Callable[[NDArray[np.int64]], float]:
    return lambda rows: auc(scores[rows], present[rows])
