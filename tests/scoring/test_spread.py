"""Moments of scores from the moments of embeddings, against the scores themselves."""

import numpy as np
import pytest

from medneg.scoring import Calibration
from medneg.scoring.spread import spread_of


def archive(rows=200, width=6, seed=0):
    draw = np.random.default_rng(seed)
    return draw.standard_normal((rows, width)) @ draw.standard_normal((width, width)) + 1.0


def calibration(rows):
    return Calibration(
        mean_text=np.zeros(rows.shape[1], np.float32),
        mean_image=rows.mean(axis=0).astype(np.float32),
        covariance={"raw": np.cov(rows.T, bias=True).astype(np.float32)},
    )


def test_the_moments_are_those_of_the_scores():
    rows = archive()
    spread = spread_of(calibration(rows), "raw")
    one, other = np.eye(6)[0], np.ones(6)
    assert spread.centre(other) == pytest.approx((rows @ other).mean(), rel=1e-5)
    assert spread.deviation(other) == pytest.approx((rows @ other).std(), rel=1e-5)
    want = np.corrcoef(rows @ one, rows @ other)[0, 1]
    assert spread.correlation(one, other) == pytest.approx(want, rel=1e-5)


def test_a_constant_score_has_no_deviation_and_no_correlation():
    rows = archive()
    rows[:, 2] = 4.0
    spread = spread_of(calibration(rows), "raw")
    assert spread.deviation(np.eye(6)[2]) == 0.0
    assert spread.correlation(np.eye(6)[2], np.ones(6)) == 0.0


def test_nothing_is_known_of_a_space_without_a_covariance():
    assert spread_of(calibration(archive()), "centred") is None
    assert spread_of(None, "raw") is None
