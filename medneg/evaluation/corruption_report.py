"""What corruption costs, in figures: precision by severity, losses by corruption, and what is recovered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy import float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from medneg.evaluation.gallery import Way
from medneg.evaluation.intervals import RESAMPLES, UNDEFINED, Figure, mean_interval, percentiles
from medneg.evaluation.report import About, Pool, without_nan
from medneg.evaluation.significance import Difference, paired_differences
from medneg.search import DEFAULT_METHOD, PLAIN

PLACES: tuple[tuple[str, Pool], ...] = (
    ("affirmed", "gallery"),
    ("negated", "pool"),
    ("exclusion", "gallery"),
    ("exclusion", "pool"),
)
"""Kinds of question, and what they are asked of."""

UNREPAIRED = f"{DEFAULT_METHOD}-unrepaired"
"""The default with its phrases as they were typed: what it would lose without the parser's own repair."""

SENTENCES = (PLAIN[0], "tcr", "neat")
"""What ranks by the whole sentence."""

MIDDLE = 3
"""The severity at which corruptions are told apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What was measured of q questions.

    Attributes:
        kinds, corruptions: shape (q,).
        understood: whether the parser read what is meant, clean and at each severity, shape (q, 6).
        precision: at ten, on gallery and pools, shape (2, q, 6) for every way; NaN where there is none.
    """

    kinds: NDArray[np.str_]
    corruptions: NDArray[np.str_]
    understood: NDArray[np.bool_]
    precision: Mapping[Way, NDArray[float64]]

    def at(self, way: Way, kind: str, pool: Pool) -> NDArray[float64]:
        """One way's precision on the questions of a kind, shape (questions, 6)."""
        both = self.precision[way]
        return np.asarray(both[0 if pool == "gallery" else 1][self.kinds == kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """Precision@10 of one way on one kind of question; ``severity`` 0 is clean."""

    method: str
    space: str
    model: str
    kind: str
    pool: Pool
    severity: int
    precision: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one corruption takes from one way at severity 3: clean precision@10 minus corrupted.

    Over questions of all kinds, affirmed ones on the gallery, all others on their pools.
    """

    method: str
    space: str
    model: str
    corruption: str
    loss: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """How much of a reference's loss a way does not have: 1 − (its clean − corrupted) / (the reference's).

    Attributes:
        reference: the method whose loss is the measure, with the same model and space.
        lost, reference_lost: precision@10 that either loses.
        share: the share recovered, with its bootstrap interval over questions; not defined where the
            reference loses nothing.
        clean: the way minus the reference on the clean questions, with a paired permutation test.
    """

    method: str
    space: str
    model: str
    kind: str
    pool: Pool
    severity: int
    reference: str
    lost: Figure
    reference_lost: Figure
    share: Figure
    clean: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionReport:
    """Everything that one run found.

    Attributes:
        corruptions: what each changes.
        questions: how many of each kind.
        understood: share of the questions that the parser read as they are meant, by severity, clean first.
        left_out: what the encoder could not be asked by, and why.
    """

    about: About
    corruptions: Mapping[str, str]
    questions: Mapping[str, int]
    understood: tuple[float, ...]
    rows: tuple[Severity, ...]
    losses: tuple[Loss, ...]
    recovered: tuple[Recovered, ...]
    left_out: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, all figures with n and interval; what is not defined is None."""
        return {"schema_version": 1, **asdict(self, dict_factory=without_nan)}


def summarise(
    about: About, measured: Measured, left_out: tuple[tuple[str, str], ...], rng: Generator
) -> CorruptionReport:
    """Make the report of what was measured."""
    return CorruptionReport(
        about=about,
        corruptions={name: one.what for name, one in CORRUPTIONS.items()},
        questions={
            kind: int((measured.kinds == kind).sum()) for kind in dict.fromkeys(measured.kinds.tolist())
        },
        understood=tuple(measured.understood.mean(axis=0).tolist()),
        rows=tuple(_rows(measured, rng)),
        losses=tuple(_losses(measured, rng)),
        recovered=tuple(_recovered(measured, rng)),
        left_out=left_out,
    )


def _rows(measured: Measured, rng: Generator) -> Iterator[Severity]:
    for kind, pool in PLACES:
        for way in measured.precision:
            values = measured.at(way, kind, pool)
            for severity in (0, *SEVERITIES):
                figure = mean_interval(values[:, severity], rng)
                yield Severity(**way._asdict(), kind=kind, pool=pool, severity=severity, precision=figure)


def _losses(measured: Measured, rng: Generator) -> Iterator[Loss]:
    affirmed = measured.kinds == "affirmed"
    for way, precision in measured.precision.items():
        values = np.where(affirmed[:, None], precision[0], precision[1])
        for name in CORRUPTIONS:
            of_kind = values[measured.corruptions == name]
            lost = mean_interval(of_kind[:, 0] - of_kind[:, MIDDLE], rng)
            yield Loss(**way._asdict(), corruption=name, loss=lost)


def _recovered(measured: Measured, rng: Generator) -> Iterator[Recovered]:
    for kind, pool in PLACES:
        for way, reference in _compared(measured, kind):
            ours, theirs = measured.at(way, kind, pool), measured.at(reference, kind, pool)
            clean = paired_differences(ours[None, :, 0], theirs[None, :, 0], rng)[0]
            for severity in SEVERITIES:
                lost, missed = ours[:, 0] - ours[:, severity], theirs[:, 0] - theirs[:, severity]
                yield Recovered(
                    **way._asdict(),
                    kind=kind,
                    pool=pool,
                    severity=severity,
                    reference=reference.method,
                    lost=mean_interval(lost, rng),
                    reference_lost=mean_interval(missed, rng),
                    share=recovered_share(lost, missed, rng),
                    clean=clean,
                )


def _compared(measured: Measured, kind: str) -> Iterator[tuple[Way, Way]]:
    """Every way with the plain search of its model: cosine or, where there is a "no", the default unrepaired.

    Whole sentences are left out there: they hear no "no", and typos make them less wrong.
    """
    plain = PLAIN[0] if kind == "affirmed" else UNREPAIRED
    for way in measured.precision:
        reference = way._replace(method=plain)
        deaf = kind != "affirmed" and way.method in SENTENCES
        if way != reference and not deaf and reference in measured.precision:
            yield way, reference


def recovered_share(lost: NDArray[float64], reference_lost: NDArray[float64], rng: Generator) -> Figure:
    """1 − mean loss / the reference's mean loss, with its percentile bootstrap interval over questions.

    Args:
        lost, reference_lost: of the same questions, shape (q,); NaN on either side leaves a question out.

    Returns:
        Undefined where the reference loses nothing; resamples in which it loses nothing are left out.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> recovered_share(np.array([0.1, 0.1]), np.array([0.2, 0.2]), rng).value
        0.5
    """
    known = ~(np.isnan(lost) | np.isnan(reference_lost))
    ours, theirs = lost[known], reference_lost[known]
    if not len(ours) or theirs.mean() <= 0:
        return UNDEFINED
    drawn = rng.integers(len(ours), size=(RESAMPLES, len(ours)))
    below = theirs[drawn].mean(axis=1)
    shares = 1 - ours[drawn].mean(axis=1)[below > 0] / below[below > 0]
    low, high = percentiles(shares)
    return Figure(value=float(1 - ours.mean() / theirs.mean()), low=low, high=high, n=len(ours))
