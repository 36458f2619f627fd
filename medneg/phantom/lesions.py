"""Focal findings from the front: nodule, mass, calcified granuloma, plaques of the aorta."""

from __future__ import annotations

import math

import numpy as np
from numpy import float32

from medneg.phantom.findings import LEVEL, Opacities, Stage, place_of, signs_of
from medneg.phantom.geometry import Stroke, dome, ellipse, ramp, strokes, texture
from medneg.phantom.truth import FindingTruth


def paint_nodule(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """One round, smooth nodule of 12 to 28 mm."""
    field, build, chest = stage
    rng = np.random.default_rng([truth.seed, 26])
    low = (12.0, 17.0, 23.0)[LEVEL[truth.size or "moderate"]]
    for sign in signs_of(truth):
        radius = 0.5 * (low + float(rng.uniform(0, 5)))
        centre = place_of(truth, sign, build, rng, clear=(58.0, radius + 7))
        shape = (radius, radius * float(rng.uniform(0.86, 1.0)))
        r = ellipse(field, centre, shape, turn=float(rng.uniform(0, 180)))
        body = np.sqrt(dome(r + float32(0.03) * texture(field, rng, 6)))
        out.soft += body * float32(28 + 0.8 * radius) * ramp(chest.margin + 2, 6)


def paint_mass(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """One mass of 35 to 75 mm, its margin lobulated or spiculated."""
    field, build, chest = stage
    rng = np.random.default_rng([truth.seed, 27])
    low = (35.0, 46.0, 60.0)[LEVEL[truth.size or "moderate"]]
    for sign in signs_of(truth):
        radius = 0.5 * (low + float(rng.uniform(0, 11)))
        centre = place_of(truth, sign, build, rng, clear=(30.0 + radius, radius * 0.9))
        dx, dy = field.x - float32(centre[0]), field.y - float32(centre[1])
        angle = np.arctan2(dy, dx)
        lobes = sum(
            float(rng.uniform(0.03, 0.08)) * np.sin(k * angle + float(rng.uniform(0, 6.28)))
            for k in (2, 3, 5)
        )
        r = np.sqrt(dx * dx + dy * dy) * float32(1 / radius)
        body = np.sqrt(dome(np.minimum(r + lobes.astype(float32), float32(1.5))))
        spikes = []
        if rng.random() < 0.5:
            for a in rng.uniform(0, 2 * math.pi, 16):
                far = radius * float(rng.uniform(1.15, 1.5))
                end = (centre[0] + far * math.cos(a), centre[1] + far * math.sin(a))
                spikes.append(Stroke((centre, end), 1.6, 8.0))
        hair = strokes(field, spikes) * (r > 0.85)
        out.soft += (body * float32(38 + 0.55 * radius) + hair) * ramp(chest.margin + 3, 6)


def paint_granuloma(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """One to three small, sharp, very dense spots."""
    field, build, _ = stage
    rng = np.random.default_rng([truth.seed, 28])
    low = (6.0, 7.8, 9.6)[LEVEL[truth.size or "moderate"]]
    for sign in signs_of(truth):
        for _ in range(int(rng.integers(1, 4))):
            radius = 0.5 * (low + float(rng.uniform(0, 2.2)))
            cx, cy = place_of(truth, sign, build, rng, clear=(54.0, 14.0))
            shape = (radius, radius * float(rng.uniform(0.8, 1.0)))
            distance = (1 - ellipse(field, (cx, cy), shape, turn=float(rng.uniform(0, 180)))) * float32(
                radius
            )
            core = ramp(distance, max(0.8, field.pixel))
            out.calcium = np.maximum(out.calcium, core * float32(1.15 + 0.04 * radius))


def paint_aortic_calcification(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """Bright, broken plaques along the rim of the aortic arch, further down the aorta when large."""
    field, build, _ = stage
    rng = np.random.default_rng([truth.seed, 29])
    level = LEVEL[truth.size or "moderate"]
    kx, ky = build.knob_centre
    lines: list[Stroke] = []
    start = float(rng.uniform(-125, -95))
    stop = start + (120.0, 165.0, 205.0)[level] + float(rng.uniform(0, 20))
    angle = start
    while angle < stop:
        long = float(rng.uniform(30, 75))
        arc = np.radians(np.linspace(angle, min(angle + long, stop), 9))
        rim = build.knob - 1.6 + float(rng.uniform(-0.5, 0.3))
        points = [(kx + rim * math.cos(a), ky + 1.1 * rim * math.sin(a)) for a in arc]
        lines.append(Stroke(points, float(rng.uniform(2.0, 3.2)), float(rng.uniform(0.85, 1.25))))
        angle += long + float(rng.uniform(4, 10))
    for _ in range(level):
        y = float(rng.uniform(ky + 24, ky + 90))
        x = kx + 2.5 + build.wander[2]
        lines.append(Stroke(((x, y), (x - 0.8, y + float(rng.uniform(9, 24)))), 2.2, 0.8))
    lines.sort(key=lambda line: line.value)
    out.calcium = np.maximum(out.calcium, strokes(field, lines))
