"""Intervals and the permutation test, against exact enumeration where it is small enough."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from medneg.evaluation.intervals import mean_interval, paired_difference, statistic_interval


def test_an_interval_holds_the_mean_and_ignores_missing_queries():
    values = np.append(np.random.default_rng(1).random(100), [np.nan, np.nan])
    figure = mean_interval(values, np.random.default_rng(2))
    assert figure.n == 100
    assert figure.value == pytest.approx(np.nanmean(values))
    assert figure.low < figure.value < figure.high
    # the normal approximation of the same interval
    spread = 1.96 * np.nanstd(values) / 10
    assert figure.high - figure.low == pytest.approx(2 * spread, rel=0.15)


def test_nothing_left_gives_nan_and_n_zero():
    figure = mean_interval(np.array([np.nan]), np.random.default_rng(0))
    assert math.isnan(figure.value)
    assert figure.n == 0


def test_the_permutation_p_is_that_of_all_sign_flips():
    ours, theirs = np.array([0.9, 0.8, 0.7, 0.9, 0.6]), np.array([0.5, 0.6, 0.8, 0.4, 0.3])
    differences = ours - theirs
    flipped = [abs(np.mean(np.array(signs) * differences)) for signs in itertools.product([1, -1], repeat=5)]
    exact = np.mean(np.array(flipped) >= abs(differences.mean()) - 1e-12)
    found = paired_difference(ours, theirs, np.random.default_rng(0))
    assert found.p == pytest.approx(exact, abs=0.02)
    assert found.figure.value == pytest.approx(differences.mean())


def test_no_difference_has_p_one():
    same = np.array([0.5, 0.7, 0.2])
    assert paired_difference(same, same, np.random.default_rng(0)).p == 1.0


def test_unpaired_values_are_refused():
    with pytest.raises(ValueError, match=r"same shape \(queries,\); got \(2,\) and \(3,\)"):
        paired_difference(np.zeros(2), np.zeros(3), np.random.default_rng(0))


def test_a_statistic_of_rows_is_resampled_with_its_rows():
    values = np.random.default_rng(3).random(200)
    figure = statistic_interval(lambda rows: float(values[rows].mean()), 200, np.random.default_rng(4))
    assert figure.value == pytest.approx(values.mean())
    assert figure.low < figure.value < figure.high
    assert figure.n == 200
