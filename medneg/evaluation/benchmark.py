"""The benchmark of a dual encoder on labelled embeddings: does it know the findings, and does "no" work?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medneg.evaluation.intervals import Figure, mean_interval, paired_difference, statistic_interval
from medneg.evaluation.metrics import auc, precision_at_k, violation_at_k
from medneg.evaluation.pools import Rows, balanced_pool, hard_pool
from medneg.evaluation.questions import (
    Question,
    RememberingTower,
    ask,
    columns_of,
    concept_labels,
    pair_questions,
)
from medneg.evaluation.report import Comparison, Example, Exclusion, Report, ZeroShot
from medneg.query import lexicon
from medneg.scoring import METHODS, SpaceName, TextTower
from medneg.scoring.plan import score
from medneg.search import DEFAULT_METHOD, DEFAULT_SPACE, calibrate, make_plan

if TYPE_CHECKING:
    from medneg.encoders import Encoder

EXAMPLES = ("effusion but no calcification",)
"""Queries that get a row of their own."""

WIDER = ("calcification", "support_device")
"""Concepts above the labelled findings whose AUC is measured too."""

POOLS = 5
"""Random pools drawn for each query; its figure is their mean."""

K = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Gallery:
    """The pictures that all questions are asked of, and the text tower of the encoder that embedded them."""

    images: NDArray[float32]
    labels: NDArray[np.bool_]
    findings: tuple[str, ...]
    tower: TextTower


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Outcome:
    """One method in one space: a figure per question, shape (questions,), NaN where a pool was missing."""

    precision: NDArray[float64]
    violation: NDArray[float64]
    hard_precision: NDArray[float64]
    hard_violation: NDArray[float64]


def evaluate(
    images: NDArray[float32],
    labels: NDArray[np.bool_],
    findings: Sequence[str],
    encoder: Encoder,
    *,
    methods: Sequence[str] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Measure an encoder and the negation methods on a labelled gallery.

    Args:
        images: unit embeddings, shape (n, d), made by ``encoder``.
        labels: bool, shape (n, findings).
        findings: lexicon ids of the columns.
        encoder: its text tower reads the questions.
        methods: names in ``medneg.scoring.METHODS``; None for all.
        seed: of the pools and the intervals.
        progress: called with (done, total) method–space combinations.

    Raises:
        ValueError: if shapes disagree or the gallery is empty.
        UnknownName: if there is no such method or finding.
    """
    gallery = _gallery(images, labels, findings, encoder)
    rng = np.random.default_rng(seed)
    questions = pair_questions(gallery.labels, gallery.findings)
    examples = _examples(gallery)
    pools = [_hard_pools(question, rng) for question in (*questions, *examples)]
    outcomes: dict[tuple[str, SpaceName], _Outcome] = {}
    chosen = [(name, space) for name in methods or METHODS for space in get_args(SpaceName)]
    for done, (name, space) in enumerate(chosen, start=1):
        outcomes[name, space] = _outcome(gallery, (*questions, *examples), pools, name, space)
        if progress is not None:
            progress(done, len(chosen))
    return Report(
        encoder=encoder.card.name,
        pictures=len(images),
        seed=seed,
        zero_shot=(lines := _zero_shot(gallery, rng)),
        mean_auc=mean_interval(
            np.array([line.auc.value for line in lines if line.concept in gallery.findings]), rng
        ),
        negated=_negated(gallery, rng),
        exclusion=tuple(_exclusions(outcomes, len(questions), rng)),
        comparisons=tuple(_comparisons(outcomes, len(questions), rng)),
        examples=tuple(_example_rows(outcomes, examples, len(questions))),
    )


def _gallery(
    images: NDArray[float32], labels: NDArray[np.bool_], findings: Sequence[str], encoder: Encoder
) -> _Gallery:
    if images.ndim != 2 or labels.shape != (len(images), len(findings)) or len(images) == 0:
        raise ValueError(
            f"images must have shape (n, d) and labels (n, {len(findings)}); "
            f"got {images.shape} and {labels.shape}"
        )
    for finding in findings:
        lexicon().finding(finding)
    return _Gallery(images=images, labels=labels, findings=tuple(findings), tower=RememberingTower(encoder))


def _examples(gallery: _Gallery) -> tuple[Question, ...]:
    """The named queries of which these labels know every finding."""
    known = []
    for words in EXAMPLES:
        try:
            known.append(ask(words, gallery.labels, gallery.findings))
        except ValueError:
            continue
    return tuple(known)


def _zero_shot(gallery: _Gallery, rng: np.random.Generator) -> tuple[ZeroShot, ...]:
    """Cosine of each concept's sentence, in the raw space, without any method."""
    wider = [name for name in WIDER if columns_of(name, gallery.findings)]
    concepts = (*gallery.findings, *wider)
    template = gallery.tower.card.template
    texts = [template.format(lexicon().finding(name).prompt) for name in concepts]
    scores = gallery.images @ gallery.tower.encode_texts(texts).T  # n c
    lines = []
    for column, name in enumerate(concepts):
        present = concept_labels(name, gallery.labels, gallery.findings)
        of_rows = _auc_of(scores[:, column], present)
        figure = statistic_interval(of_rows, len(present), rng)
        lines.append(ZeroShot(concept=name, positives=int(present.sum()), auc=figure))
    return tuple(lines)


def _auc_of(scores: NDArray[np.floating], present: NDArray[np.bool_]) -> Callable[[NDArray[np.int64]], float]:
    return lambda rows: auc(scores[rows], present[rows])


def _negated(gallery: _Gallery, rng: np.random.Generator) -> Figure:
    """Plain cosine of the sentence "no X": how many of the first ten really have no X."""
    texts = [f"no {lexicon().finding(name).prompt}" for name in gallery.findings]
    scores = gallery.images @ gallery.tower.encode_texts(texts).T  # n f
    figures = []
    for column in range(len(gallery.findings)):
        absent = ~gallery.labels[:, column]
        pools = [balanced_pool(absent, rng) for _ in range(POOLS)]
        figures.append(_mean(precision_at_k(scores[p, column], absent[p], K) for p in pools if p is not None))
    return mean_interval(np.array(figures), rng)


def _hard_pools(question: Question, rng: np.random.Generator) -> list[Rows]:
    pools = [hard_pool(question.wanted, question.excluded, rng) for _ in range(POOLS)]
    return [pool for pool in pools if pool is not None]


def _outcome(
    gallery: _Gallery,
    questions: Sequence[Question],
    pools: Sequence[Sequence[Rows]],
    method: str,
    space: SpaceName,
) -> _Outcome:
    calibration = calibrate(gallery.tower, gallery.images.mean(axis=0))
    figures = np.full((len(questions), 4), np.nan)
    for row, (question, drawn) in enumerate(zip(questions, pools, strict=True)):
        plan = make_plan(question.query, gallery.tower, calibration, method=method, space=space)
        scores = score(plan, gallery.images)
        truth = (question.relevant, question.excluded)
        figures[row, :2] = precision_at_k(scores, truth[0], K), violation_at_k(scores, truth[1], K)
        figures[row, 2] = _mean(precision_at_k(scores[rows], truth[0][rows], K) for rows in drawn)
        figures[row, 3] = _mean(violation_at_k(scores[rows], truth[1][rows], K) for rows in drawn)
    return _Outcome(
        precision=figures[:, 0],
        violation=figures[:, 1],
        hard_precision=figures[:, 2],
        hard_violation=figures[:, 3],
    )


def _exclusions(
    outcomes: dict[tuple[str, SpaceName], _Outcome], pairs: int, rng: np.random.Generator
) -> list[Exclusion]:
    rows = []
    for (method, space), found in outcomes.items():
        for pool, precision, violation in (
            ("gallery", found.precision, found.violation),
            ("hard", found.hard_precision, found.hard_violation),
        ):
            row = Exclusion(
                method=method,
                space=space,
                pool=pool,
                precision=mean_interval(precision[:pairs], rng),
                violation=mean_interval(violation[:pairs], rng),
            )
            rows.append(row)
    return rows


def _comparisons(
    outcomes: dict[tuple[str, SpaceName], _Outcome], pairs: int, rng: np.random.Generator
) -> list[Comparison]:
    """The default against every other; none where the default was not measured."""
    default = outcomes.get((DEFAULT_METHOD, DEFAULT_SPACE))
    if default is None:
        return []
    ours = default.hard_precision[:pairs]
    return [
        Comparison(
            method=method,
            space=space,
            difference=paired_difference(ours, found.hard_precision[:pairs], rng),
        )
        for (method, space), found in outcomes.items()
        if (method, space) != (DEFAULT_METHOD, DEFAULT_SPACE)
    ]


def _example_rows(
    outcomes: dict[tuple[str, SpaceName], _Outcome], examples: Sequence[Question], pairs: int
) -> list[Example]:
    return [
        Example(
            query=question.query.raw,
            method=method,
            space=space,
            precision=float(found.precision[row]),
            violation=float(found.violation[row]),
            hard_precision=float(found.hard_precision[row]),
            hard_violation=float(found.hard_violation[row]),
        )
        for row, question in enumerate(examples, start=pairs)
        for (method, space), found in outcomes.items()
    ]


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return float(np.mean(kept)) if kept else float("nan")
