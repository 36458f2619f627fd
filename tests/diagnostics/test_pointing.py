"""The pointing game on phantoms."""

from __future__ import annotations

import numpy as np
import pytest

from medneg import encoders
from medneg.diagnostics.pointing import near, pointing_game


def test_a_point_counts_within_a_sixteenth_of_the_picture():
    changed = np.zeros((32, 32), np.float32)
    changed[10, 10], changed[20, 20] = 1.0, 0.1
    found = near(changed)
    assert found[10, 12]
    assert not found[10, 13]
    assert not found[20, 20]  # too faint beside the rest


def test_maps_of_the_embedded_model_point_at_devices_and_effusions():
    seen = []
    found = pointing_game(
        encoders.load("phantom"), each=2, seed=3, progress=lambda done, total: seen.append((done, total))
    )
    assert [row.finding for row in found] == list(encoders.load("phantom").card.findings)
    assert {row.hits.n for row in found} == {2}
    assert seen[-1] == (28, 28)
    hits = np.mean([row.hits.value for row in found])
    assert hits > 0.7
    assert hits > np.mean([row.borrowed for row in found]) > np.mean([row.chance for row in found])
    assert np.mean([row.chance for row in found]) == pytest.approx(0.09, abs=0.04)
    assert np.median([row.fades for row in found]) < 0.5
