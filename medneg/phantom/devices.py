"""Metal and plastic from the front: pacemaker, tube, catheter; wires and marks that are no finding."""

from __future__ import annotations

import math

import numpy as np
from numpy import float32

from medneg.phantom.build import Build
from medneg.phantom.geometry import Field, Map, Point, Stroke, bump, curve, ellipse, ramp, strokes
from medneg.phantom.truth import FindingTruth, Picture, Technique


def devices_of(picture: Picture, field: Field, build: Build) -> Map:
    """Optical depth of everything that is not the patient, shape (rows, columns)."""
    out = clutter(picture.technique, field, build)
    for name, paint in (
        ("pacemaker", pacemaker),
        ("endotracheal_tube", endotracheal_tube),
        ("central_venous_catheter", central_venous_catheter),
    ):
        truth = picture.find(name)
        if truth is not None:
            out = np.maximum(out, paint(truth, field, build))
    return out


def pacemaker(truth: FindingTruth, field: Field, build: Build) -> Map:
    """A generator under the collar bone and one or two leads by way of the cava into the heart."""
    rng = np.random.default_rng([truth.seed, 31])
    sign = -1 if truth.side == "right" else 1
    cx, cy = sign * float(rng.uniform(92, 108)), float(rng.uniform(100, 118))
    wide, tall = float(rng.uniform(20, 24)), float(rng.uniform(18, 22))
    box = (
        np.abs((field.x - float32(cx)) / wide) ** 3.2 + np.abs((field.y - float32(cy)) / tall) ** 3.2
    ) ** 0.31
    can = ramp((1 - box.astype(float32)) * float32(tall), max(1.0, field.pixel))
    inner = 1 + float32(0.25) * np.sin(field.y * float32(0.9)) * (np.abs(field.x - float32(cx)) < wide * 0.7)
    s, w = build.shift + build.sway * 0.5, 2 * build.half_width * build.heart
    floor = build.base
    header = (cx - sign * wide * 0.5, cy - tall * 0.95)
    vein = [header, (sign * 78.0, 86.0), (sign * 46.0, 84.0), (sign * 14.0 + s, 96.0), (-22.0 + s, 118.0)]
    tip = (s + 0.40 * w, floor - 10.0)
    lead = curve([*vein, (-28.0 + s, 175.0), (-22.0 + s, floor - 52), (s + 4, floor - 22), tip])
    lines = [Stroke(lead, 2.3, 1.5), Stroke((lead[-6], tip), 3.6, 1.9)]
    if rng.random() < 0.55:
        atrial = curve(
            [*vein, (-30.0 + s, 168.0), (-34.0 + s, 196.0), (-24.0 + s, 204.0), (-20.0 + s, 188.0)]
        )
        lines += [Stroke(atrial, 2.1, 1.4), Stroke(atrial[-7:], 3.4, 1.8)]
    lines.sort(key=lambda line: line.value)
    metal: Map = np.maximum(strokes(field, lines), float32(2.6) * can * inner.astype(float32))
    return metal


def endotracheal_tube(truth: FindingTruth, field: Field, build: Build) -> Map:
    """A tube down the trachea, two pale walls and a dense line, its tip above the carina."""
    rng = np.random.default_rng([truth.seed, 32])
    cx, cy = build.carina
    tip_y = cy - float(rng.uniform(28, 52))
    lean = float(rng.uniform(-3, 3))
    path = curve(
        ((1.0 + lean, -30.0), (0.6 * lean + 0.1 * cx, 20.0), (0.5 * cx, 0.6 * tip_y + 10), (0.6 * cx, tip_y))
    )
    lines = [Stroke(_beside(path, by), 1.4, 0.5) for by in (-5.0, 5.0)]
    lines.append(Stroke(_beside(path, float(rng.choice((-3.6, 3.6)))), 2.2, 1.15))
    lines.append(Stroke(((path[-1][0] - 5, tip_y - 3), (path[-1][0] + 5, tip_y)), 1.6, 0.6))
    lines.sort(key=lambda line: line.value)
    shell = strokes(field, [Stroke(path, 10.0, 0.17)])
    return np.maximum(strokes(field, lines), shell)


def _beside(path: list[Point], by: float) -> list[Point]:
    return [(x + by, y) for x, y in path]


def central_venous_catheter(truth: FindingTruth, field: Field, build: Build) -> Map:
    """A thin catheter from the neck or below the collar bone into the superior vena cava."""
    rng = np.random.default_rng([truth.seed, 33])
    sign = -1 if truth.side != "left" else 1
    s = build.shift + build.sway * 0.5
    tip = (-24.0 + s + float(rng.uniform(-3, 3)), float(rng.uniform(128, 160)))
    if rng.random() < 0.5:
        start: list[Point] = [(sign * 62.0, -20.0), (sign * 44.0, 16.0), (sign * 34.0 + s, 58.0)]
    else:
        start = [(sign * 122.0, 96.0), (sign * 92.0, 84.0), (sign * 52.0 + s, 82.0)]
    over = [(sign * 16.0 + s, 90.0)] if sign > 0 else []
    path = curve([*start, *over, (-21.0 + s, 104.0), tip])
    return strokes(field, [Stroke(path, 2.4, 0.95)])


def clutter(technique: Technique, field: Field, build: Build) -> Map:
    """Side marker, electrodes and their wires, a button: what a film shows beside the patient."""
    rng = np.random.default_rng([technique.seed, 34])
    draws = rng.random(4)
    out = _marker(field, rng) if draws[0] < 0.6 else np.zeros(field.shape, dtype=float32)
    if draws[1] < (0.6 if build.supine else 0.07):
        out = np.maximum(out, _electrodes(field, rng))
    if draws[2] < 0.05:
        x, y = float(rng.uniform(-14, 14)), float(rng.uniform(60, 250))
        ring = ellipse(field, (x, y), (5.5, 5.5))
        out = np.maximum(out, float32(0.55) * ramp(1 - ring, 0.4) * (1 - float32(0.6) * bump(ring, 0.3)))
    return out


def _marker(field: Field, rng: np.random.Generator) -> Map:
    """A lead letter that says which side is which."""
    sign = -1 if rng.random() < 0.5 else 1
    x, y, t = sign * float(rng.uniform(160, 178)), float(rng.uniform(26, 60)), 5.5
    left = [((x - t, y - 8), (x - t, y + 8), (x + t, y + 8))]
    right = [
        ((x - t, y + 8), (x - t, y - 8), (x + 2, y - 8), (x + t, y - 4), (x + 2, y), (x - t, y)),
        ((x - 1, y), (x + t, y + 8)),
    ]
    return strokes(field, [Stroke(points, 2.6, 2.4) for points in (left if sign > 0 else right)])


def _electrodes(field: Field, rng: np.random.Generator) -> Map:
    """Three to five electrodes with wires that run off the film."""
    spots = [(-104, 92), (106, 90), (112, 236), (-98, 242), (30, 150)]
    lines, out = [], np.zeros(field.shape, dtype=float32)
    for x, y in spots[: int(rng.integers(3, 6))]:
        px, py = x + float(rng.uniform(-14, 14)), y + float(rng.uniform(-12, 12))
        sign = math.copysign(1, px)
        mid = (px + sign * float(rng.uniform(10, 40)), py + float(rng.uniform(20, 70)))
        end = (sign * float(rng.uniform(150, 215)), py + float(rng.uniform(60, 190)))
        lines.append(Stroke(curve(((px, py), mid, end)), 1.5, 0.42))
        ring = ellipse(field, (px, py), (7.0, 7.0))
        out = np.maximum(
            out, float32(0.42) * bump(ring - float32(0.8), 0.2) + float32(0.3) * ramp(0.4 - ring, 0.3)
        )
    return np.maximum(out, strokes(field, lines))
