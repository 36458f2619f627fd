"""Shared projections give every bit of the plan's own scores."""

from __future__ import annotations

import numpy as np
import pytest

from medneg.evaluation import projections
from medneg.evaluation.projections import Projections
from medneg.scoring.plan import score
from medneg.values import Linear, LogProbability, Plan, Repulsion, Space, Term

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2500, 24)).astype(np.float32)
IMAGES /= np.linalg.norm(IMAGES, axis=1, keepdims=True)
DIRECTIONS = RNG.normal(size=(4, 24)).astype(np.float32)
RESPONSES = (Linear(weight=0.7), Repulsion(weight=1.3, bias=0.1), LogProbability(slope=-4.0, intercept=0.2))


def plan(*places, mean=None):
    terms = tuple(
        Term(direction=DIRECTIONS[place], response=RESPONSES[place % 3], label=str(place)) for place in places
    )
    return Plan(terms=terms, space=Space(image_fingerprint="x", mean=mean))


@pytest.mark.parametrize("mean", [None, IMAGES.mean(axis=0)], ids=["raw", "centred"])
def test_scores_are_those_of_the_plan_bit_for_bit(mean):
    shared = Projections(IMAGES)
    for places in ((0,), (1, 0, 2), (2, 3, 1), (0, 1, 2, 3)):
        one = plan(*places, mean=mean)
        assert np.array_equal(shared.score(one), score(one, IMAGES))


def test_some_rows_score_as_among_all():
    rows = np.array([2400, 3, 77])
    one = plan(0, 1, 2)
    assert np.array_equal(Projections(IMAGES).score(one, rows), score(one, IMAGES)[rows])


def test_old_projections_make_room(monkeypatch):
    monkeypatch.setattr(projections, "KEPT_BYTES", 2 * 8 * len(IMAGES))
    shared = Projections(IMAGES)
    for place in (0, 1, 2, 3, 0):
        assert np.array_equal(shared.score(plan(place)), score(plan(place), IMAGES))
    assert len(shared._kept) == 2
