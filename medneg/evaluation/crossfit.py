"""Calibrations for the gallery that is evaluated, fitted without looking at the patients that are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.calibration.curves import FOLDS, folds
from medneg.calibration.fitting import fit_curves, spaces
from medneg.compiling import calibrate
from medneg.evaluation.gallery import Fold
from medneg.evaluation.truth import Truth
from medneg.labels import ABSENT, PRESENT, UNKNOWN, Labels
from medneg.scoring import Calibration, Curve, SpaceName, TextTower
from medneg.scoring.plan import enter

CROSSED = f"the other patients of this gallery, {FOLDS} folds"


def cross_fit(images: NDArray[float32], truth: Truth, tower: TextTower) -> tuple[Fold, ...]:
    """Split a gallery by patient; each part gets the probability curves of all others.

    Args:
        images: unit embeddings, shape (n, d).
        truth: of the same pictures.
        tower: belongs to them.
    """
    means = unsupervised(images, tower)
    parts = []
    for held_out in folds(truth.patients):
        curves = _curves(images[~held_out], truth, np.flatnonzero(~held_out), tower=tower, means=means)
        parts.append(Fold(rows=np.flatnonzero(held_out), calibration=replace(means, curves=curves)))
    return tuple(parts)


def borrow(
    images: NDArray[float32],
    tower: TextTower,
    other_images: NDArray[float32],
    other_truth: Truth,
) -> tuple[Fold, ...]:
    """One part with the curves of another gallery, which must come from other patients.

    Curves are fitted in that gallery's own centred space, as a search in it would see them.
    """
    theirs = unsupervised(other_images, tower)
    curves = _curves(other_images, other_truth, np.arange(len(other_truth)), tower=tower, means=theirs)
    ours = unsupervised(images, tower)
    return (Fold(rows=np.arange(len(images)), calibration=replace(ours, curves=curves)),)


def unsupervised(images: NDArray[float32], tower: TextTower) -> Calibration:
    """Means and covariances of a gallery: what needs no labels."""
    means = calibrate(tower, images.mean(axis=0))
    covariance: dict[SpaceName, NDArray[float32]] = {
        name: np.cov(enter(images, space), rowvar=False, bias=True).astype(float32)
        for name, space in spaces(tower.card, means).items()
    }
    return replace(means, covariance=covariance)


def _curves(
    images: NDArray[float32],
    truth: Truth,
    rows: NDArray[np.int64],
    *,
    tower: TextTower,
    means: Calibration,
) -> Mapping[SpaceName, Mapping[str, Curve]]:
    states = np.full((len(rows), len(truth.findings)), UNKNOWN, np.int8)
    for column, finding in enumerate(truth.findings):
        states[truth.shows(finding)[rows], column] = PRESENT
        states[truth.lacks(finding)[rows], column] = ABSENT
    labels = Labels(findings=truth.findings, states=states, reported=np.zeros(states.shape, bool))
    return fit_curves(images, labels, truth.patients[rows], tower=tower, means=means)
