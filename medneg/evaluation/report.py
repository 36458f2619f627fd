"""What an evaluation found: every figure with its n and interval."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from medneg.evaluation.intervals import Difference, Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShot:
    """AUC of one concept by the cosine of its sentence; ``positives`` of the pictures show it."""

    concept: str
    positives: int
    auc: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """One method in one space on queries "A but no B".

    Attributes:
        pool: "gallery", all pictures, or "hard", 20 of each of the four cells.
        precision: share of the first ten that show A and not B.
        violation: share of the first ten that show B.
    """

    method: str
    space: str
    pool: str
    precision: Figure
    violation: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Precision on the hard pool, the default method's minus another's, on the same queries and pools."""

    method: str
    space: str
    difference: Difference


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
class Report:
    """Everything that one evaluation found.

    Attributes:
        encoder: whose embeddings were ranked.
        pictures: size of the gallery.
        seed: of the pools and intervals.
        zero_shot: one row a concept; ``mean_auc`` is over the labelled findings alone.
        negated: precision of the sentence "no X" by plain cosine, in pools with as many X as not.
        exclusion, comparisons, examples: see their classes.
    """

    encoder: str
    pictures: int
    seed: int
    zero_shot: tuple[ZeroShot, ...]
    mean_auc: Figure
    negated: Figure
    exclusion: tuple[Exclusion, ...]
    comparisons: tuple[Comparison, ...]
    examples: tuple[Example, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, all figures with n and interval; what is not defined is None."""
        return asdict(self, dict_factory=_without_nan)


def _without_nan(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON has no NaN."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in pairs}
