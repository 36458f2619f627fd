"""How well reports are read: each label against true ones, and a query's findings against keyword search."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from medneg.errors import ManifestError, QueryError
from medneg.evaluation.intervals import Figure, statistic_interval
from medneg.labelling import LabelledReport, ReportTable
from medneg.query import LabelSchema, lexicon
from medneg.values import FindingState, Query

_STEM = 6
"""Letters of a keyword that must be found: "calcif*" finds calcified and calcification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFigures:
    """One label, or one way to search, against the truth; intervals are bootstraps over reports.

    Attributes:
        gold, said, both: how many reports have it in truth, by our reading, and by both.
        average: whether the row is over all labels.
    """

    name: str
    gold: int
    said: int
    both: int
    precision: Figure
    recall: Figure
    f1: Figure
    average: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEvaluation:
    """What was compared (``of``: "label" or "search"), on how many reports, and one row for each."""

    of: str
    reports: int
    rows: tuple[ReportFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; a figure that is not defined is None."""
        return asdict(self, dict_factory=_without_nan)


def compare_labels(
    reports: Iterable[LabelledReport], schema: LabelSchema, against: str, *, seed: int = 0
) -> ReportEvaluation:
    """Precision, recall and F1 of every label, and micro-averaged: over all pairs of report and label.

    A label counts as said when it is present; uncertain counts as not said. The label of normal reports is
    left out.

    Args:
        reports: as labelled by the schema.
        against: the column with the true labels, separated by ``|`` or ``;``; the others are not true.
        seed: of the bootstrap.

    Raises:
        ManifestError: there is no such column, or nothing to compare.
    """
    said, gold = [], []
    for report in reports:
        true = schema.named(_cell(report, against))
        if true is not None:
            gold.append(true)
            said.append({name for name, state in report.states.items() if state == "present"})
    names = [label.name for label in schema.labels]
    ours, theirs = _matrix(names, said), _matrix(names, gold)
    _need_truth(against, theirs)
    rng = np.random.default_rng(seed)
    rows = [
        _figures(name, ours[:, [place]], theirs[:, [place]], rng)
        for place, name in enumerate(names)
        if ours[:, place].any() or theirs[:, place].any()
    ]
    average = _figures("micro-average", ours, theirs, rng, average=True)
    return ReportEvaluation(of="label", reports=len(gold), rows=(*rows, average))


def compare_searches(
    reports: Iterable[LabelledReport],
    table: ReportTable,
    schema: LabelSchema,
    *,
    query: Query,
    against: str,
    seed: int = 0,
) -> ReportEvaluation:
    """Reports that a query finds by what they say, beside those that keywords find, against the truth.

    By what is said, every wanted finding is present and no unwanted one is; kinds of a finding count. In
    truth, the column names every wanted finding and no unwanted one. Keywords: see ``keywords``.

    Args:
        against: a column of terms of the schema, separated by ``|`` or ``;``.

    Raises:
        QueryError: the query names no finding, or one that the lexicon lacks.
        ManifestError: there is no such column, or nothing to compare.
    """
    wanted, unwanted = _ids(query)
    truth, by_label, by_word = [], [], []
    for report in reports:
        true = schema.findings_named(_cell(report, against))
        if true is None:
            continue
        truth.append(_fits(wanted, unwanted, true.__contains__))
        by_label.append(_fits(wanted, unwanted, _present_in(report.said)))
        by_word.append(_has_words(query, " ".join(report.cells[column] for column in table.columns).lower()))
    gold = np.array(truth, dtype=bool)[:, None]
    _need_truth(against, gold)
    rng = np.random.default_rng(seed)
    found = {"what reports say": by_label, keywords(query): by_word}
    rows = tuple(_figures(name, np.array(one, dtype=bool)[:, None], gold, rng) for name, one in found.items())
    return ReportEvaluation(of="search", reports=len(truth), rows=rows)


def keywords(query: Query) -> str:
    """The keyword search that stands for a query: the last word of each finding, cut to its first letters.

    Example:
        >>> from medneg.query import parse
        >>> keywords(parse("left effusion but no calcification"))
        'effusi* AND NOT calcif*'
    """
    words = [f"{_keyword(mention.text)}*" for mention in query.affirmed]
    return " AND ".join((*words, *(f"NOT {_keyword(mention.text)}*" for mention in query.negated)))


def _keyword(phrase: str) -> str:
    return phrase.split()[-1].lower()[:_STEM]


def _has_words(query: Query, text: str) -> bool:
    wanted, unwanted = (
        [_keyword(mention.text) for mention in part] for part in (query.affirmed, query.negated)
    )
    return _fits(wanted, unwanted, text.__contains__)


def _fits(wanted: Sequence[str], unwanted: Sequence[str], has: Callable[[str], bool]) -> bool:
    return all(map(has, wanted)) and not any(map(has, unwanted))


def _present_in(said: Mapping[str, FindingState]) -> Callable[[str], bool]:
    return lambda finding: lexicon().state(finding, said) == "present"


def _ids(query: Query) -> tuple[list[str], list[str]]:
    for mention in (*query.affirmed, *query.negated):
        if mention.finding is None:
            raise QueryError(f"reports are not labelled with {mention.text!r}, which is not in the lexicon")
    if not (query.affirmed or query.negated):
        raise QueryError("the query names no finding that reports could be labelled with")
    wanted, unwanted = (
        [mention.finding or "" for mention in part] for part in (query.affirmed, query.negated)
    )
    return wanted, unwanted


def _cell(report: LabelledReport, column: str) -> str:
    if column not in report.cells:
        raise ManifestError(f"there is no column {column!r}; there are {', '.join(report.cells)}")
    return report.cells[column]


def _need_truth(column: str, gold: NDArray[np.bool_]) -> None:
    if not gold.any():
        raise ManifestError(
            f"the column {column!r} names nothing that could be found; is it of another schema?"
        )


def _matrix(names: Sequence[str], reports: Sequence[Collection[str]]) -> NDArray[np.bool_]:
    rows = [[name in report for name in names] for report in reports]
    return np.array(rows, dtype=bool).reshape(len(reports), len(names))


def _figures(
    name: str,
    said: NDArray[np.bool_],
    gold: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    average: bool = False,
) -> ReportFigures:
    """Figures of some labels together; ``said`` and ``gold`` have shape (reports, labels)."""
    counts = np.stack([(said & gold).sum(axis=1), said.sum(axis=1), gold.sum(axis=1)], axis=1)

    def interval(ratio: Callable[[NDArray[int64]], float]) -> Figure:
        return statistic_interval(lambda rows: ratio(counts[rows].sum(axis=0)), len(counts), rng)

    both, ours, theirs = (int(total) for total in counts.sum(axis=0))
    return ReportFigures(
        name=name,
        gold=theirs,
        said=ours,
        both=both,
        precision=interval(lambda total: _ratio(total[0], total[1])),
        recall=interval(lambda total: _ratio(total[0], total[2])),
        f1=interval(lambda total: _ratio(2 * total[0], total[1] + total[2])),
        average=average,
    )


def _ratio(part: float, whole: float) -> float:
    """NaN where nothing was said or nothing is true."""
    return float(part / whole) if whole else math.nan


def _without_nan(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON has no NaN."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in pairs}
