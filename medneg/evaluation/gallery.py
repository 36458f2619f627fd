"""The pictures that all questions are asked of, and how a method scores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, get_args

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from medneg.compiling import make_plan
from medneg.errors import CalibrationMissing
from medneg.evaluation.projections import Projections
from medneg.evaluation.questions import RememberingTower
from medneg.evaluation.truth import Truth
from medneg.scoring import METHODS, Calibration, SpaceName
from medneg.search import DEFAULT_METHOD, DEFAULT_SPACE, PLAIN
from medneg.values import Plan, Query

if TYPE_CHECKING:
    from medneg.encoders import Head

BASE = "base"
"""The model whose own text tower asks; what else is measured on its images has another name."""


class Way(NamedTuple):
    """A method in a space, with a model: one row of every table."""

    method: str
    space: SpaceName
    model: str = BASE


TUNED_WAYS: tuple[tuple[str, SpaceName], ...] = (PLAIN, (DEFAULT_METHOD, DEFAULT_SPACE))
"""How a model beside the base is asked unless methods are named: the whole sentence, and as searches ask."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """Some pictures, and a calibration whose probability curves were fitted on none of their patients."""

    rows: NDArray[np.int64]
    calibration: Calibration


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A text tower with what is known of it on the gallery.

    Attributes:
        tower: belongs to the gallery's images.
        folds: together all rows, each once. Only the curves differ between them: the means and spreads need
            no labels and come from the whole gallery, as in a search.
        head: makes codes of its embeddings, for the methods that work in them.
    """

    tower: RememberingTower
    folds: tuple[Fold, ...]
    head: Head | None = None

    def compile(self, query: Query, way: Way, fold: Fold) -> Plan:
        """The plan that a search would make.

        Raises:
            CalibrationMissing: if the method needs more than is known.
        """
        return make_plan(
            query, self.tower, fold.calibration, method=way.method, space=way.space, head=self.head
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery:
    """A labelled gallery of n pictures.

    Attributes:
        projections: its embeddings.
        truth: what they show.
        models: text towers that belong to them, the base first.
    """

    projections: Projections
    truth: Truth
    models: Mapping[str, Model]

    def score(self, query: Query, way: Way) -> NDArray[float64]:
        """Scores of all pictures, shape (n,).

        Raises:
            CalibrationMissing: if the method needs more than is known.
        """
        model = self.models[way.model]
        crossed = METHODS[way.method].needs_curves and query.negated
        scores = np.empty(len(self.truth), float64)
        for fold in model.folds if crossed else model.folds[:1]:
            plan = model.compile(query, way, fold)
            if not crossed:
                return self.projections.score(plan)
            scores[fold.rows] = self.projections.score(plan, fold.rows)
        return scores


def usable_ways(
    gallery: Gallery, methods: Sequence[str] | None, query: Query
) -> tuple[tuple[Way, ...], tuple[tuple[Way, str], ...]]:
    """The ways in which this gallery's models can be asked, and the others with the reason.

    Args:
        methods: see ``ways_of``.
        query: one with a negation, to try them on.

    Raises:
        UnknownName: if there is no such method.
    """
    usable, refused = [], []
    for way in (
        way
        for name, model in gallery.models.items()
        for way in ways_of(name, methods, head=model.head is not None)
    ):
        model = gallery.models[way.model]
        try:
            for fold in model.folds:
                model.compile(query, way, fold)
        except CalibrationMissing as missing:
            refused.append((way, missing.what))
        else:
            usable.append(way)
    return tuple(usable), tuple(refused)


def ways_of(model: str, methods: Sequence[str] | None, *, head: bool) -> tuple[Way, ...]:
    """How a model is asked.

    Args:
        model: its name.
        methods: names in ``medneg.scoring.METHODS``, in both spaces each; None for all of the base,
            ``TUNED_WAYS`` of a text tower, and those that need a head of a head.
        head: whether it has a head. Methods that need one are asked of it alone, and only in its codes.
    """
    if methods is None and model != BASE and not head:
        return tuple(Way(method, space, model) for method, space in TUNED_WAYS)
    ways: list[Way] = []
    for name in METHODS if methods is None else methods:
        if name in METHODS and METHODS[name].needs_head:
            ways += [Way(name, "raw", model)] if head else []
        elif model == BASE or not head:
            ways += [Way(name, space, model) for space in get_args(SpaceName)]
    return tuple(ways)
