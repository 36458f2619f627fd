"""The pictures that all questions are asked of, and how a method scores them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from medneg.compiling import make_plan
from medneg.errors import CalibrationMissing
from medneg.evaluation.projections import Projections
from medneg.evaluation.questions import RememberingTower
from medneg.evaluation.truth import Truth
from medneg.scoring import METHODS, Calibration, SpaceName
from medneg.values import Query


class Way(NamedTuple):
    """A method in a space: one row of every table."""

    method: str
    space: SpaceName

    def __str__(self) -> str:
        return f"{self.method}, {self.space}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """Some pictures, and a calibration whose probability curves were fitted on none of their patients."""

    rows: NDArray[np.int64]
    calibration: Calibration


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery:
    """A labelled gallery of n pictures.

    Attributes:
        projections: its embeddings.
        truth: what they show.
        tower: the text tower that belongs to them.
        folds: together all rows, each once. Only the curves differ between them: the means and spreads need
            no labels and come from the whole gallery, as in a search.
    """

    projections: Projections
    truth: Truth
    tower: RememberingTower
    folds: tuple[Fold, ...]

    def score(self, query: Query, way: Way) -> NDArray[float64]:
        """Scores of all pictures, shape (n,).

        Raises:
            CalibrationMissing: if the method needs more than is known.
        """
        crossed = METHODS[way.method].needs_curves and query.negated
        scores = np.empty(len(self.truth), float64)
        for fold in self.folds if crossed else self.folds[:1]:
            plan = make_plan(query, self.tower, fold.calibration, method=way.method, space=way.space)
            if not crossed:
                return self.projections.score(plan)
            scores[fold.rows] = self.projections.score(plan, fold.rows)
        return scores


def usable_ways(
    gallery: Gallery, methods: Sequence[str], query: Query
) -> tuple[tuple[Way, ...], tuple[tuple[Way, str], ...]]:
    """The methods, raw and centred, that this gallery allows, and the others with the reason.

    Args:
        methods: names in ``medneg.scoring.METHODS``.
        query: one with a negation, to try them on.

    Raises:
        UnknownName: if there is no such method.
    """
    usable, refused = [], []
    for way in _ways(methods):
        try:
            for fold in gallery.folds:
                make_plan(query, gallery.tower, fold.calibration, method=way.method, space=way.space)
        except CalibrationMissing as missing:
            refused.append((way, missing.what))
        else:
            usable.append(way)
    return tuple(usable), tuple(refused)


def _ways(methods: Sequence[str]) -> Iterator[Way]:
    for name in methods:
        for space in get_args(SpaceName):
            yield Way(name, space)
