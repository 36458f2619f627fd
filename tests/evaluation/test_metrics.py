"""Metrics against their definitions, written out slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medneg.evaluation.metrics import auc, mid_ranks, precision_at_k, top, violation_at_k


def slow_auc(scores, present):
    """How often one with the finding outranks one without it; ties count half."""
    wins = [
        1.0 if with_it > without_it else 0.5 if with_it == without_it else 0.0
        for with_it, has in zip(scores, present, strict=True)
        if has
        for without_it, other in zip(scores, present, strict=True)
        if not other
    ]
    return sum(wins) / len(wins)


def slow_precision(scores, relevant, k):
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:k]
    return sum(bool(relevant[row]) for row in order) / len(order)


rankings = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=30)


@given(rankings)
@settings(max_examples=60, deadline=None)
def test_auc_and_precision_match_their_definitions(rows):
    scores, labels = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    assert precision_at_k(scores, labels, 5) == pytest.approx(slow_precision(scores, labels, 5))
    if labels.all() or not labels.any():
        assert math.isnan(auc(scores, labels))
    else:
        assert auc(scores, labels) == pytest.approx(slow_auc(scores, labels))


def test_adding_a_constant_changes_nothing():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=50), rng.random(50) < 0.3
    for metric in (auc, precision_at_k, violation_at_k):
        assert metric(scores - 100, labels) == metric(scores, labels)


def test_scores_below_zero_are_ranked_like_any_other():
    scores, relevant = np.array([-0.3, -0.1, -0.2]), np.array([True, False, True])
    assert precision_at_k(scores, relevant, 2) == 0.5
    assert violation_at_k(scores, ~relevant, 2) == 0.5


def test_equal_scores_keep_the_order_of_the_gallery():
    assert top(np.zeros(5), 3).tolist() == [0, 1, 2]
    assert mid_ranks(np.zeros(4)).tolist() == [2.5] * 4


def test_an_empty_gallery_has_no_precision():
    assert math.isnan(precision_at_k(np.zeros(0), np.zeros(0, bool)))


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (np.zeros(3), np.zeros(2, bool), r"shape \(n,\); got \(3,\) and \(2,\)"),
        (np.array([0.0, np.nan]), np.zeros(2, bool), "1 of 2 are"),
    ],
)
def test_unfit_input_is_refused(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        auc(scores, labels)


def test_a_cut_off_below_one_is_refused():
    with pytest.raises(ValueError, match="k must be at least 1; got 0"):
        top(np.zeros(3), 0)
