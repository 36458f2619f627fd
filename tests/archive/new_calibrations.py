"""Calibrations as `medneg calibrate` would keep them, without any images behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medneg.archive import FindingScores
from medneg.scoring import Calibration, Curve
from tests.archive.new_images import WIDTH
from tests.fake_encoder import FakeEncoder

CARD = FakeEncoder().card
CURVE = Curve(slope=12.5, intercept=-3.0, present=20, absent=60, error=0.02)
PLAIN = FindingScores(
    finding="pleural_effusion", space="raw", mean=0.1, spread=0.2, quantiles=(0.0, 0.1, 0.2, 0.3, 0.4)
)
FITTED = replace(
    PLAIN, space="centred", present=20, absent=60, reported=5, auc=0.9, curve=CURVE, isotonic_error=0.03
)


def calibration(seed: int = 0) -> Calibration:
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((2, WIDTH)).astype(np.float32)
    spreads = rng.standard_normal((2, WIDTH, WIDTH)).astype(np.float32)
    return Calibration(
        mean_text=means[0], mean_image=means[1], covariance={"raw": spreads[0], "centred": spreads[1]}
    )
