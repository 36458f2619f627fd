"""Curves are never fitted on the patients whose pictures they score."""

from __future__ import annotations

import numpy as np
import pytest

from medneg.evaluation.crossfit import borrow, cross_fit
from medneg.evaluation.gallery import BASE, Gallery, Model, Way
from medneg.evaluation.projections import Projections
from medneg.evaluation.questions import RememberingTower
from medneg.evaluation.truth import Truth
from medneg.query import parse
from medneg.scoring.plan import score
from medneg.search import make_plan
from tests.evaluation.perfect import FINDINGS, Perfect, gallery

WAY = Way("log-odds", "raw")
QUERY = parse("pleural effusion but no pneumothorax")


@pytest.fixture(scope="module")
def parts():
    images, labels = gallery(600)
    patients = np.arange(600) // 3
    truth = Truth.from_labels(labels, FINDINGS, patients)
    return images, truth, cross_fit(images, truth, Perfect())


def test_folds_split_patients_and_cover_every_picture_once(parts):
    _, truth, folds = parts
    rows = np.concatenate([fold.rows for fold in folds])
    assert sorted(rows.tolist()) == list(range(600))
    people = [set(truth.patients[fold.rows].tolist()) for fold in folds]
    assert sum(map(len, people)) == len(set().union(*people)) == 200


def test_labels_of_a_fold_do_not_change_its_own_curves(parts):
    images, truth, folds = parts
    flipped = truth.present.copy()
    flipped[folds[0].rows] = ~flipped[folds[0].rows]
    other = cross_fit(images, Truth.from_labels(flipped, FINDINGS, truth.patients), Perfect())
    assert other[0].calibration.curves == folds[0].calibration.curves
    assert other[1].calibration.curves != folds[1].calibration.curves


def test_every_picture_is_scored_with_the_curves_of_its_fold(parts):
    images, truth, folds = parts
    tower = RememberingTower(Perfect())
    whole = Gallery(
        projections=Projections(images), truth=truth, models={BASE: Model(tower=tower, folds=folds)}
    )
    scores = whole.score(QUERY, WAY)
    for fold in folds:
        plan = make_plan(QUERY, tower, fold.calibration, method=WAY.method, space=WAY.space)
        assert np.array_equal(scores[fold.rows], score(plan, images)[fold.rows])


def test_means_and_spreads_come_from_the_whole_gallery(parts):
    images, _, folds = parts
    for fold in folds:
        assert np.allclose(fold.calibration.mean_image, images.mean(axis=0))
        assert np.allclose(fold.calibration.covariance["raw"], np.cov(images.T, bias=True), atol=1e-6)


def test_curves_can_come_from_another_gallery(parts):
    images, truth, _ = parts
    (only,) = borrow(images[:100], Perfect(), images, truth)
    assert only.rows.tolist() == list(range(100))
    assert np.allclose(only.calibration.mean_image, images[:100].mean(axis=0))
    assert only.calibration.curves["raw"]["pneumothorax"].present == int(truth.present[:, 1].sum())
