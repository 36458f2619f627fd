"""What an evaluation found: every figure with its n and interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from medneg.evaluation.intervals import Figure
from medneg.evaluation.significance import Difference

Pool = Literal["gallery", "pool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was measured, on what, and how to measure it again.

    Attributes:
        encoder, licence, notice: whose embeddings were ranked, and what its weights allow.
        pictures, patients: size of the gallery.
        truth: where the labels come from.
        parse: "real" where the parser read the questions, "gold" where their meaning was given.
        curves: what the probability curves of the methods that need them were fitted on.
        seed: of questions, pools and resampling.
        version: of medneg.
        default: the method and space that a search takes unasked.
    """

    encoder: str
    licence: str
    notice: str
    pictures: int
    patients: int
    truth: str
    parse: str
    curves: str
    seed: int
    version: str
    default: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShot:
    """AUC of one concept by the cosine of its sentence; ``positives`` of the pictures show it."""

    concept: str
    positives: int
    auc: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How many questions the parser understood, and those that it did not, as (words, wording)."""

    asked: int
    understood: int
    misread: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One method in one space on one kind of question in one wording.

    Attributes:
        pool: "gallery", all pictures, or "pool": hard (20 of each of the four cells) where something is
            wanted and something is not, balanced (as many with as without) where something is only not to
            be there.
        figures: by measure, with the interval over questions.
        by_patient: the headline measures with the interval over patients.
    """

    method: str
    space: str
    kind: str
    wording: str
    pool: Pool
    figures: Mapping[str, Figure]
    by_patient: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The default method's precision@10 on "A but no B", minus another's on the same pairs and pools."""

    method: str
    space: str
    pool: Pool
    difference: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure of the table with superscripts; ``beats`` are numbers of baselines."""

    value: float
    beats: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Superscripts:
    """The table of ExclMM's section 5.1 for "A but no B": a superscript says which baseline a figure beats.

    Attributes:
        pool: what was ranked.
        columns: measures.
        baselines: method and space; their places are the superscripts.
        rows: (method, space, a cell for each column).
    """

    pool: Pool
    columns: tuple[str, ...]
    baselines: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One method on one pair "A but no B": means over wordings and pools among the first ten."""

    method: str
    space: str
    wanted: str
    unwanted: str
    precision: float
    violation: float
    hard_precision: float
    hard_violation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One named query on the whole gallery and on hard pools: precision and violation among the first ten."""

    query: str
    method: str
    space: str
    precision: float
    violation: float
    hard_precision: float
    hard_violation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Questions without negation: of ``asked`` × methods, how many are plain cosine bit for bit."""

    asked: int
    identical: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that one evaluation found.

    Attributes:
        zero_shot: one row a concept; ``mean_auc`` is over the labelled findings alone.
        left_out: method, space and the reason why they were not measured.
        exclusion: every method on every kind of question.
        comparisons, superscripts: on "A but no B", both wordings of a pair taken together.
    """

    about: About
    zero_shot: tuple[ZeroShot, ...]
    mean_auc: Figure
    reading: Reading
    controls: Controls
    left_out: tuple[tuple[str, str, str], ...]
    exclusion: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    superscripts: tuple[Superscripts, ...]
    pairs: tuple[Pair, ...]
    examples: tuple[Example, ...]

    def row(self, method: str, space: str, kind: str, wording: str, pool: Pool) -> Row | None:
        """One row of ``exclusion``, or None where nothing was asked."""
        wanted = (method, space, kind, wording, pool)
        return next(
            (
                row
                for row in self.exclusion
                if (row.method, row.space, row.kind, row.wording, row.pool) == wanted
            ),
            None,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, all figures with n and interval; what is not defined is None."""
        return {"schema_version": 1, **asdict(self, dict_factory=without_nan)}


def without_nan(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON has no NaN."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in pairs}
