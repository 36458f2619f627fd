"""Whether a probability means what it says, on patients that its curve was not fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medneg.calibration import calibration_error
from medneg.chances import chance_plan
from medneg.compiling import expansion
from medneg.diagnostics.hearing import WAYS
from medneg.evaluation.crossfit import cross_fit
from medneg.evaluation.projections import Projections
from medneg.evaluation.truth import Truth
from medneg.scoring import TextTower

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """One finding's probabilities on patients whose labels they were not fitted on.

    Attributes:
        error: expected calibration error over bins of equal mass.
        images: how many are labelled.
        bins: (mean probability, share that shows it, images) of each tenth of the images.
    """

    finding: str
    error: float
    images: int
    bins: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliabilities:
    """All findings of one model; empty where the archive holds no curves of it."""

    model: int
    rows: tuple[Reliability, ...]


def reliabilities(model: int, images: NDArray[float32], truth: Truth, tower: TextTower) -> Reliabilities:
    """Fit each finding's curve on four fifths of the patients and hold it against the others', five times.

    Args:
        model: its place among the models.
        images: unit embeddings, shape (n, d).
        truth: of the same images.
        tower: belongs to them.
    """
    _, space = WAYS["parsed"]
    known: dict[str, list[tuple[NDArray[float64], NDArray[np.bool_]]]] = {}
    projections = Projections(images)
    for fold in cross_fit(images, truth, tower):
        plan = chance_plan(truth.findings, tower, fold.calibration, space=space, expand=expansion(tower.card))
        for term in plan.terms if plan else ():
            labelled = fold.rows[truth.all_known((term.label,))[fold.rows]]
            one = type(plan)(terms=(term,), space=plan.space) if plan else None
            if one is not None and len(labelled):
                chances = np.exp(projections.score(one, labelled))
                known.setdefault(term.label, []).append((chances, truth.shows(term.label)[labelled]))
    return Reliabilities(model=model, rows=tuple(_rows(known)))


def _rows(known: dict[str, list[tuple[NDArray[float64], NDArray[np.bool_]]]]) -> Iterator[Reliability]:
    for finding, parts in sorted(known.items()):
        chances = np.concatenate([chance for chance, _ in parts])
        present = np.concatenate([shown for _, shown in parts])
        order = np.argsort(chances, kind="stable")
        yield Reliability(
            finding=finding,
            error=calibration_error(chances, present),
            images=len(present),
            bins=tuple(
                (float(chances[part].mean()), float(present[part].mean()), len(part))
                for part in np.array_split(order, BINS)
                if len(part)
            ),
        )
