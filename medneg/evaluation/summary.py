"""From what every question gave to the rows of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

import numpy as np
from numpy import float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.evaluation.gallery import BASE, TUNED_WAYS, Way
from medneg.evaluation.intervals import (
    UNDEFINED,
    Figure,
    mean_intervals,
    median_interval,
    shifted_percentiles,
)
from medneg.evaluation.measuring import BY_PATIENT, MEASURES, UNNEGATED, Outcome
from medneg.evaluation.questions import Kind, Question
from medneg.evaluation.report import (
    Cell,
    Comparison,
    Controls,
    Example,
    Gain,
    Pair,
    Pool,
    Reading,
    Row,
    Superscripts,
)
from medneg.evaluation.significance import paired_differences
from medneg.evaluation.wordings import Wording
from medneg.search import DEFAULT_METHOD, DEFAULT_SPACE

Outcomes = Mapping[Way, Outcome]

DEFAULT = Way(DEFAULT_METHOD, DEFAULT_SPACE)
BASELINES = (
    Way("cosine", "raw"),
    Way("affirmed-only", "raw"),
    Way("spacevlm", "raw"),
    Way("drc-printed", "raw"),
)
"""What a table with superscripts compares with: plain CLIP, the strong baseline, two papers as published."""

COLUMNS = (
    *("precision@1", "precision@5", "mrr@5", "mrr@10", "ndcg@5", "ndcg@10", "hits@5", "hits@10"),
    "precision@10",
)
"""The columns of ExclMM's table (AP@1, AP@5, …), and our headline."""

LEVEL = 0.01
"""Below this a difference counts as significant, as in the paper."""

POOLS: tuple[Pool, ...] = ("gallery", "pool")
MISREAD_SHOWN = 50
GAINS: tuple[tuple[Kind, Pool], ...] = (
    ("affirmed", "gallery"),
    ("negated", "pool"),
    ("exclusion", "gallery"),
    ("exclusion", "pool"),
)
"""Where a model is compared with the base."""


def reading_of(questions: Sequence[Question]) -> Reading:
    """How well the questions were read."""
    misread = [question.query.raw for question in questions if not question.understood]
    return Reading(
        asked=len(questions),
        understood=len(questions) - len(misread),
        misread=tuple(misread[:MISREAD_SHOWN]),
    )


def controls_of(outcomes: Outcomes, questions: Sequence[Question]) -> Controls:
    """How many rankings without negation are plain cosine's."""
    control = np.array([question.kind in UNNEGATED for question in questions])
    identical = [outcome.identical[control] for outcome in outcomes.values()]
    return Controls(
        asked=int(control.sum()) * len(identical), identical=int(sum(found.sum() for found in identical))
    )


def rows_of(outcomes: Outcomes, questions: Sequence[Question], rng: Generator) -> Iterator[Row]:
    """Every method on every kind of question in every wording, on the gallery and on the pools."""
    groups = dict.fromkeys((question.kind, question.wording) for question in questions)
    for kind, wording in groups:
        chosen = np.array([(one.kind, one.wording) == (kind, wording) for one in questions])
        if kind == "named":
            continue
        seed = rng.integers(2**32)
        for way, outcome in outcomes.items():
            for pool in POOLS:
                yield Row(
                    method=way.method,
                    space=way.space,
                    model=way.model,
                    kind=kind,
                    wording=wording,
                    pool=pool,
                    figures=_figures(_values(outcome, pool)[chosen], np.random.default_rng(seed)),
                    by_patient=_by_patient(outcome, pool, chosen),
                )


def _values(outcome: Outcome, pool: Pool) -> NDArray[float64]:
    return outcome.gallery if pool == "gallery" else outcome.pool


def _figures(values: NDArray[float64], rng: Generator) -> dict[str, Figure]:
    """All measures of some questions; all methods meet the same resamples."""
    means = dict(zip(MEASURES, mean_intervals(values, rng), strict=True))
    return {**means, "rank": median_interval(values[:, MEASURES.index("rank")], rng)}


def _by_patient(outcome: Outcome, pool: Pool, chosen: NDArray[np.bool_]) -> dict[str, Figure]:
    resampled = outcome.gallery_resampled if pool == "gallery" else outcome.pool_resampled
    values = _values(outcome, pool)[chosen]
    known = ~np.isnan(values[:, MEASURES.index("precision@10")])
    if not known.any():
        return dict.fromkeys(BY_PATIENT, UNDEFINED)
    means = resampled[chosen][known].mean(axis=0, dtype=float64)  # q r m -> r m
    found = {}
    for column, name in enumerate(BY_PATIENT):
        value = float(values[known, MEASURES.index(name)].mean())
        low, high = shifted_percentiles(means[:, column], value)
        found[name] = Figure(value=value, low=low, high=high, n=int(known.sum()))
    return found


def pair_values(
    outcome: Outcome, questions: Sequence[Question], pool: Pool
) -> dict[tuple[str, str], NDArray[float64]]:
    """For each pair (A, B) the mean over its wordings, shape (measures,)."""
    values = _values(outcome, pool)
    places: dict[tuple[str, str], list[int]] = {}
    for place, question in enumerate(questions):
        if question.kind == "exclusion":
            key = (question.asked.wanted[0], question.asked.unwanted[0])
            places.setdefault(key, []).append(place)
    return {pair: values[rows].mean(axis=0) for pair, rows in places.items()}


def pairs_of(outcomes: Outcomes, questions: Sequence[Question]) -> Iterator[Pair]:
    """Every method on every pair."""
    right, wrong = MEASURES.index("precision@10"), MEASURES.index("violation@10")
    for way, outcome in outcomes.items():
        hard = pair_values(outcome, questions, "pool")
        for (wanted, unwanted), values in pair_values(outcome, questions, "gallery").items():
            yield Pair(
                method=way.method,
                space=way.space,
                model=way.model,
                wanted=wanted,
                unwanted=unwanted,
                precision=float(values[right]),
                violation=float(values[wrong]),
                hard_precision=float(hard[wanted, unwanted][right]),
                hard_violation=float(hard[wanted, unwanted][wrong]),
            )


def comparisons_of(outcomes: Outcomes, questions: Sequence[Question], rng: Generator) -> Iterator[Comparison]:
    """The default against every other; none where the default was not measured."""
    others = [way for way in outcomes if way != DEFAULT]
    if DEFAULT not in outcomes or not others:
        return
    for pool in POOLS:
        table = {way: _table(outcome, questions, pool, "precision@10") for way, outcome in outcomes.items()}
        theirs = np.stack([table[way] for way in others])
        ours = np.broadcast_to(table[DEFAULT], theirs.shape)
        for way, difference in zip(others, paired_differences(ours, theirs, rng), strict=True):
            yield Comparison(**way._asdict(), pool=pool, difference=difference)


def gains_of(outcomes: Outcomes, questions: Sequence[Question], rng: Generator) -> Iterator[Gain]:
    """Every model against the base by the same method; Holm's correction within a kind, wording and pool.

    Without negation all methods are plain cosine, so it alone is compared there.
    """
    pairs = [(way, way._replace(model=BASE)) for way in outcomes if way.model != BASE]
    pairs = [(way, base) for way, base in pairs if base in outcomes]
    for kind, pool in GAINS:
        for wording in get_args(Wording):
            chosen = np.array([(one.kind, one.wording) == (kind, wording) for one in questions])
            asked = [pair for pair in pairs if kind not in UNNEGATED or pair[0][:2] == TUNED_WAYS[0]]
            if not asked or not chosen.any():
                continue
            ours, theirs = (
                np.stack([_precision(outcomes[pair[side]], pool)[chosen] for pair in asked])
                for side in (0, 1)
            )
            differences = paired_differences(ours, theirs, rng)
            for (way, _), difference in zip(asked, differences, strict=True):
                yield Gain(**way._asdict(), kind=kind, wording=wording, pool=pool, difference=difference)


def _precision(outcome: Outcome, pool: Pool) -> NDArray[float64]:
    """Precision@10 of every question."""
    return _values(outcome, pool)[:, MEASURES.index("precision@10")]


def superscripts_of(
    outcomes: Outcomes, questions: Sequence[Question], rng: Generator
) -> Iterator[Superscripts]:
    """ExclMM's table: who beats which baseline, corrected for all comparisons of a column."""
    baselines = [way for way in BASELINES if way in outcomes]
    compared = [(way, number) for way in outcomes for number, base in enumerate(baselines) if base != way]
    for pool in POOLS:
        cells: dict[Way, list[Cell]] = {way: [] for way in outcomes}
        for column in COLUMNS:
            table = {way: _table(outcome, questions, pool, column) for way, outcome in outcomes.items()}
            beaten = _beaten(table, baselines, compared, rng)
            for way, values in table.items():
                value = float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
                cells[way].append(Cell(value=value, beats=tuple(beaten.get(way, ()))))
        yield Superscripts(
            pool=pool,
            columns=COLUMNS,
            baselines=tuple((way.method, way.space) for way in baselines),
            rows=tuple((way.method, way.space, tuple(row), way.model) for way, row in cells.items()),
        )


def _beaten(
    table: Mapping[Way, NDArray[float64]],
    baselines: Sequence[Way],
    compared: Sequence[tuple[Way, int]],
    rng: Generator,
) -> dict[Way, list[int]]:
    found: dict[Way, list[int]] = {}
    if not compared:
        return found
    ours = np.stack([table[way] for way, _ in compared])
    theirs = np.stack([table[baselines[number]] for _, number in compared])
    for (way, number), difference in zip(compared, paired_differences(ours, theirs, rng), strict=True):
        if difference.p_holm < LEVEL and difference.figure.value > 0:
            found.setdefault(way, []).append(number)
    return found


def _table(outcome: Outcome, questions: Sequence[Question], pool: Pool, measure: str) -> NDArray[float64]:
    """One measure of all pairs, in a fixed order."""
    column = MEASURES.index(measure)
    return np.array([values[column] for values in pair_values(outcome, questions, pool).values()])


def examples_of(outcomes: Outcomes, questions: Sequence[Question]) -> Iterator[Example]:
    """The named queries."""
    right, wrong = MEASURES.index("precision@10"), MEASURES.index("violation@10")
    for place, question in enumerate(questions):
        if question.kind != "named":
            continue
        for way, outcome in outcomes.items():
            yield Example(
                query=question.query.raw,
                method=way.method,
                space=way.space,
                model=way.model,
                precision=float(outcome.gallery[place, right]),
                violation=float(outcome.gallery[place, wrong]),
                hard_precision=float(outcome.pool[place, right]),
                hard_violation=float(outcome.pool[place, wrong]),
            )
