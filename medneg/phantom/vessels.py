"""Branching vessels of the lungs, and the air of trachea, bronchi and stomach, from the front."""

from __future__ import annotations

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medneg.phantom.build import Build
from medneg.phantom.geometry import Field, Map, Stroke, dome, ellipse, strokes


def pulmonary_vessels(field: Field, build: Build, seed: int) -> Map:
    """Path through the branching pulmonary vessels, mm."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng([seed, 3])
    lines: list[Stroke] = []
    sign = np.repeat([-1.0, 1.0], 9)
    angle = np.tile(np.linspace(-76, 90, 9), 2) + rng.uniform(-9, 9, 18)
    x = sign * 30 + build.sway * 0.4 + build.shift
    y = np.where(sign < 0, 156.0, 149.0) + 0.2 * angle
    twigs = np.stack([x, y, sign, angle, np.full(18, 4.8)])
    while twigs.shape[1]:
        twigs, drawn = grown(twigs, rng.random((4, twigs.shape[1])))
        lines = drawn + lines
    paths: Map = gaussian_filter(strokes(field, lines), 0.7 / field.pixel)
    return paths


def grown(twigs: NDArray[float64], draws: NDArray[float64]) -> tuple[NDArray[float64], list[Stroke]]:
    """Let vessels run and fork in Murray's proportions, r³ = r₁³ + r₂³, tapered by 0.86.

    The law: C. D. Murray, The physiological principle of minimum work, PNAS 12 (1926), 207-214.

    Args:
        twigs: x, y, sign, angle (degrees) and width of each vessel's start, shape (5, n).
        draws: random numbers in [0, 1), shape (4, n).

    Returns:
        The starts of their branches, shape (5, m), and the vessels as strokes.
    """
    x, y, sign, angle, width = twigs
    step = (8.5 + 2.9 * width * (0.6 + 0.6 * draws[0])).astype(np.float64)
    mid_x, mid_y = x + sign * step * np.cos(np.radians(angle)), y + step * np.sin(np.radians(angle))
    angle = angle + 24 * (draws[1] - 0.5)
    end_x, end_y = mid_x + sign * step * np.cos(np.radians(angle)), mid_y + step * np.sin(np.radians(angle))
    ways = np.stack([x, y, mid_x, mid_y, end_x, end_y], axis=1).reshape(-1, 6).tolist()
    lines = [
        Stroke(((a, b), (c, d), (e, f)), w, w * 2.0 + 3.4)
        for (a, b, c, d, e, f), w in zip(ways, width.tolist(), strict=True)
    ]
    share, spread = 0.35 + 0.3 * draws[2], 20 + 18 * draws[3]
    one = np.stack([end_x, end_y, sign, angle - spread * (1 - share), width * share ** (1 / 3) * 0.86])
    two = np.stack([end_x, end_y, sign, angle + spread * share, width * (1 - share) ** (1 / 3) * 0.86])
    return np.concatenate([one[:, width >= 1.75], two[:, width >= 1.75]], axis=1), lines


def airways(field: Field, build: Build) -> Map:
    """Path through the air of trachea, main bronchi and stomach bubble, mm."""
    cx, cy = build.carina
    sway = build.sway
    top = (1.0 - 0.2 * sway, -10.0)
    lines = [
        Stroke(((cx, cy - 4), (cx - 16, cy + 20), (cx - 26, cy + 38)), 11.0, 14.0),
        Stroke(((cx, cy - 4), (cx + 24, cy + 18), (cx + 38, cy + 26)), 10.0, 12.0),
        Stroke((top, (0.4 * cx, 60.0), (cx, cy)), 15.0, 21.0),
    ]
    from scipy.ndimage import gaussian_filter

    tubes = gaussian_filter(strokes(field, lines), 2.2 / field.pixel)
    bx, by = 66 + 10 * build.wander[5], build.dome_left + 24 + 5 * build.wander[6]
    bubble = dome(ellipse(field, (bx, by), (24 + 9 * build.wander[7], 11 + 4 * build.wander[8])))
    gas: Map = tubes + float32(34) * bubble
    return gas
