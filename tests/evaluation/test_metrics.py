"""Metrics against their definitions, written out slowly, and against ir-measures."""

from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, P, R, Success, nDCG

from medneg.evaluation import metrics
from medneg.evaluation.metrics import auc, mid_ranks, order, precision_at_k, top


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
    best = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:k]
    return sum(bool(relevant[row]) for row in best) / len(best)


def slow_ndcg(ranked, k):
    gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(ranked[:k], start=1) if hit)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, sum(ranked)) + 1))
    return gain / best


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


@pytest.mark.parametrize("k", [1, 5, 10])
@pytest.mark.parametrize("seed", range(5))
def test_metrics_of_rankings_match_ir_measures(seed, k):
    rng = np.random.default_rng(seed)
    scores, relevant = rng.normal(size=(4, 40)), rng.random((4, 40)) < 0.2
    best = order(scores)
    ranked = np.take_along_axis(relevant, best, axis=1)
    run = [
        ir_measures.ScoredDoc(f"q{q}", f"d{d:02}", float(scores[q, d])) for q in range(4) for d in range(40)
    ]
    truth = [ir_measures.Qrel(f"q{q}", f"d{d:02}", int(relevant[q, d])) for q in range(4) for d in range(40)]
    total = relevant.sum(axis=1)
    ours = {
        P @ k: metrics.precision(ranked, k),
        R @ k: metrics.recall(ranked, total, k),
        Success @ k: metrics.hits(ranked, k),
        RR @ k: metrics.reciprocal_rank(ranked, k),
        nDCG @ k: metrics.ndcg(ranked, total, k),
    }
    theirs = {(one.query_id, one.measure): one.value for one in ir_measures.iter_calc(list(ours), truth, run)}
    for measure, values in ours.items():
        for q in range(4):
            assert values[q] == pytest.approx(theirs[f"q{q}", measure]), measure


@given(st.lists(st.booleans(), min_size=1, max_size=20).filter(any), st.integers(1, 12))
@settings(max_examples=80, deadline=None)
def test_ndcg_and_reciprocal_rank_match_their_definitions(ranked, k):
    flags = np.array(ranked)
    first = ranked.index(True) + 1
    assert float(metrics.ndcg(flags, sum(ranked), k)) == pytest.approx(slow_ndcg(ranked, k))
    assert float(metrics.reciprocal_rank(flags, k)) == (pytest.approx(1 / first) if first <= k else 0.0)
    assert float(metrics.first_rank(flags)) == first
    assert float(metrics.hits(flags, k)) == float(any(ranked[:k]))
    assert float(metrics.recall(flags, sum(ranked), k)) == pytest.approx(sum(ranked[:k]) / sum(ranked))


def test_adding_a_constant_changes_nothing():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=50), rng.random(50) < 0.3
    for metric in (auc, precision_at_k):
        assert metric(scores - 100, labels) == metric(scores, labels)


def test_scores_below_zero_are_ranked_like_any_other():
    scores, relevant = np.array([-0.3, -0.1, -0.2]), np.array([True, False, True])
    assert precision_at_k(scores, relevant, 2) == 0.5


def test_equal_scores_keep_the_order_of_the_gallery():
    assert top(np.zeros(5), 3).tolist() == [0, 1, 2]
    assert order(np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]])).tolist() == [[1, 2, 0], [0, 1, 2]]
    assert mid_ranks(np.zeros(4)).tolist() == [2.5] * 4


def test_what_cannot_be_defined_is_nan():
    empty, none = np.zeros(0, bool), np.zeros(5, bool)
    assert math.isnan(precision_at_k(np.zeros(0), empty))
    assert math.isnan(metrics.first_rank(none))
    assert math.isnan(metrics.first_rank(empty))
    assert math.isnan(metrics.recall(none, 0, 3))
    assert math.isnan(metrics.ndcg(none, 0, 3))


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
