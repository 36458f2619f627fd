"""What an evaluation found: every figure with its n and interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from medneg.evaluation.gallery import BASE
from medneg.evaluation.intervals import Figure
from medneg.evaluation.significance import Difference

Pool = Literal["gallery", "pool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model that was measured: the base, or a text tower tuned on its images.

    Attributes:
        model: the name of its rows.
        encoder, licence, notice: whose it is, and what its weights allow.
    """

    model: str
    encoder: str
    licence: str
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was measured, on what, and how to measure it again.

    Attributes:
        encoder, licence, notice: whose embeddings were ranked, and what its weights allow.
        models: all that were measured on these embeddings, the base first.
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
    models: tuple[ModelCard, ...]
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
class Known:
    """Mean zero-shot AUC of one model over the labelled findings."""

    model: str
    mean_auc: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How many questions the parser understood, and those that it did not, as (words, wording)."""

    asked: int
    understood: int
    misread: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way of asking on one kind of question in one wording.

    Attributes:
        method, space, model: the way.
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
    model: str = BASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The default way's precision@10 on "A but no B", minus another's on the same pairs and pools."""

    method: str
    space: str
    pool: Pool
    difference: Difference
    model: str = BASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """A model's precision@10, minus the base's by the same method on the same questions and pools."""

    model: str
    method: str
    space: str
    kind: str
    wording: str
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
        rows: (method, space, a cell for each column, model).
    """

    pool: Pool
    columns: tuple[str, ...]
    baselines: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...], str], ...]


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
    model: str = BASE


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
    model: str = BASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Questions without negation: of ``asked`` × methods, how many are plain cosine bit for bit."""

    asked: int
    identical: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that one evaluation found.

    Attributes:
        zero_shot: one row a concept, of the base; ``mean_auc`` is over the labelled findings alone.
        known: that mean for every model.
        left_out: method, space, the reason why they were not measured, and the model.
        exclusion: every way on every kind of question.
        gains: every model against the base; empty where there is one model.
        comparisons, superscripts: on "A but no B", both wordings of a pair taken together.
    """

    about: About
    zero_shot: tuple[ZeroShot, ...]
    mean_auc: Figure
    known: tuple[Known, ...]
    reading: Reading
    controls: Controls
    left_out: tuple[tuple[str, str, str, str], ...]
    exclusion: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    gains: tuple[Gain, ...]
    superscripts: tuple[Superscripts, ...]
    pairs: tuple[Pair, ...]
    examples: tuple[Example, ...]

    def row(
        self, method: str, space: str, kind: str, wording: str, pool: Pool, model: str = BASE
    ) -> Row | None:
        """One row of ``exclusion``, or None where nothing was asked."""
        wanted = (method, space, model, kind, wording, pool)
        for row in self.exclusion:
            if (row.method, row.space, row.model, row.kind, row.wording, row.pool) == wanted:
                return row
        return None

    def to_json(self) -> dict[str, Any]:
        """Plain values, all figures with n and interval; what is not defined is None."""
        return {"schema_version": 1, **asdict(self, dict_factory=without_nan)}


def called(method: str, space: str, model: str = BASE) -> str:
    """What people call a way of asking.

    Example:
        >>> called("subtract", "raw"), called("cosine", "raw", "phantom-neg")
        ('subtract, raw', 'cosine, raw (phantom-neg)')
    """
    return f"{method}, {space}" + ("" if model == BASE else f" ({model})")


def without_nan(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON has no NaN."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in pairs}
