"""Intervals, against exact enumeration and slow twins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medneg.evaluation.intervals import (
    mean_interval,
    mean_intervals,
    median_interval,
    patient_copies,
    resampled_precision,
    shifted_percentiles,
    statistic_interval,
)


def test_an_interval_holds_the_mean_and_ignores_missing_queries():
    values = np.append(np.random.default_rng(1).random(100), [np.nan, np.nan])
    figure = mean_interval(values, np.random.default_rng(2))
    assert figure.n == 100
    assert figure.value == pytest.approx(np.nanmean(values))
    assert figure.low < figure.value < figure.high
    # the normal approximation of the same interval
    spread = 1.96 * np.nanstd(values) / 10
    assert figure.high - figure.low == pytest.approx(2 * spread, rel=0.15)


def test_many_intervals_at_once_are_like_one_by_one():
    values = np.random.default_rng(1).random((80, 3))
    values[:5, 2] = np.nan
    together = mean_intervals(values, np.random.default_rng(2))
    for column, figure in enumerate(together):
        alone = mean_interval(values[:, column], np.random.default_rng(3))
        assert (figure.value, figure.n) == (pytest.approx(alone.value), alone.n)
        assert figure.low == pytest.approx(alone.low, abs=0.02)
        assert figure.high == pytest.approx(alone.high, abs=0.02)


def test_nothing_left_gives_nan_and_n_zero():
    for figure in (
        mean_interval(np.array([np.nan]), np.random.default_rng(0)),
        median_interval(np.array([np.nan]), np.random.default_rng(0)),
        mean_intervals(np.full((3, 1), np.nan), np.random.default_rng(0))[0],
    ):
        assert math.isnan(figure.value)
        assert figure.n == 0


def test_the_median_has_its_interval():
    figure = median_interval(np.array([1.0, 2.0, 3.0, 4.0, 90.0]), np.random.default_rng(0))
    assert figure.value == 3.0
    assert 1.0 <= figure.low <= 3.0 <= figure.high <= 90.0


def test_a_statistic_of_rows_is_resampled_with_its_rows():
    values = np.random.default_rng(3).random(200)
    figure = statistic_interval(lambda rows: float(values[rows].mean()), 200, np.random.default_rng(4))
    assert figure.value == pytest.approx(values.mean())
    assert figure.low < figure.value < figure.high
    assert figure.n == 200


def test_pictures_of_one_patient_come_and_go_together():
    copies = patient_copies(np.array([4, 9, 4, 7]), np.random.default_rng(0))
    assert (copies[:, 0] == copies[:, 2]).all()
    # three patients are drawn, whoever they are
    assert (copies[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_resampled_precision_is_that_of_the_gallery_written_out():
    rng = np.random.default_rng(0)
    copies = rng.integers(0, 3, size=(6, 15)).astype(np.uint8)
    flags = rng.random((15, 2)) < 0.4
    got = resampled_precision(copies, flags, 5)
    for resample, row in zip(copies, got, strict=True):
        written_out = [picture for picture, count in enumerate(resample) for _ in range(count)][:5]
        assert row == pytest.approx(flags[written_out].mean(axis=0))


def test_a_biased_resampling_is_shifted_onto_the_figure():
    low, high = shifted_percentiles(np.linspace(0.5, 0.7, 101), 0.95)
    assert low == pytest.approx(0.855)
    assert high == 1.0
