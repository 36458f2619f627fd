"""Findings from the side: what each does to its own lung, and the devices in profile."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy import float32

from medneg.phantom.findings import LEVEL, signs_of, softened
from medneg.phantom.geometry import (
    Field,
    Map,
    Point,
    Stroke,
    bump,
    curve,
    dome,
    ellipse,
    ramp,
    strokes,
    texture,
)
from medneg.phantom.lateral import TOP, Profile, aorta_path
from medneg.phantom.truth import FindingTruth, Picture

SPOTS = {
    "apical": (14.0, 86.0),
    "upper": (2.0, 106.0),
    "middle": (-48.0, 196.0),
    "perihilar": (8.0, 160.0),
    "lower": (50.0, 222.0),
    "basal": (52.0, 244.0),
}
"""Where the words for a place lie from the side, mm."""


@dataclass(slots=True)
class Shades:
    """What findings add to a lateral chest, shape (rows, columns) each.

    Attributes:
        dry: share of the air that is left in the right (-1) and the left (+1) lung.
        free: share of the ray inside free pleural gas, of one side.
        soft: further soft tissue, mm.
        dense: optical depth of calcium, callus and metal.
    """

    dry: dict[int, Map]
    free: dict[int, Map]
    soft: Map
    dense: Map


def shades_of(picture: Picture, field: Field, profile: Profile) -> Shades:
    """Draw every finding of the picture as it looks from the side; a big heart is drawn with the anatomy."""
    zero = np.zeros(field.shape, dtype=float32)
    out = Shades({-1: zero + 1, 1: zero + 1}, {-1: zero.copy(), 1: zero.copy()}, zero.copy(), zero.copy())
    for truth in picture.findings:
        paint = _PAINTERS.get(truth.finding)
        if paint is not None:
            paint(out, truth, field, profile)
    return out


def _effusion(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 61])
    height = float((46, 84, 138)[LEVEL[truth.size or "moderate"]] + rng.uniform(-4, 12))
    for sign in signs_of(truth):
        floor = profile.domes[0 if sign < 0 else 1] + 58
        behind = np.clip((field.x - profile.front) / (profile.back - profile.front), 0, 1)
        surface = floor - height - 32 * behind**5 + 14 * (1 - behind)
        out.dry[sign] = out.dry[sign] * (1 - ramp(field.y - surface, 9))


def _pneumothorax(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    level = LEVEL[truth.size or "moderate"]
    inside = np.minimum(field.x - profile.front, profile.back - field.x)
    inside = np.minimum(inside, (field.y - TOP) * float32(0.9))
    gap = float32((16, 26, 42)[level]) * ramp(float32((150, 230, 330)[level]) - field.y, 80)
    for sign in signs_of(truth):
        out.free[sign] = np.maximum(out.free[sign], ramp(gap - inside, 2.5) * ramp(gap - 1, 2))
        out.soft += 14 * bump(inside - gap, max(0.9, 0.5 * field.pixel)) * ramp(gap - 3, 3) * ramp(inside, 3)


def _consolidation(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    for sign in signs_of(truth):
        rng = np.random.default_rng([truth.seed, 63])
        radius = (26.0, 36.0, 50.0)[LEVEL[truth.size or "moderate"]]
        cloud = texture(field, rng, 11) * float32(0.09) + texture(field, rng, 26) * float32(0.19)
        r = ellipse(
            field, _spot(truth, rng, profile), (radius * 1.1, radius), turn=float(rng.uniform(-40, 40))
        )
        out.dry[sign] = out.dry[sign] * (1 - float32(0.9) * ramp(float32(1.05) - r - cloud, 0.6))


def _edema(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 64])
    level = LEVEL[truth.size or "moderate"]
    wing = bump(ellipse(field, (8, 178), (34 + 5 * level, 46 + 7 * level)), 1.0)
    patchy = 1 + float32(0.12) * texture(field, rng, 13)
    haze = np.clip(float32((0.4, 0.55, 0.72)[level]) * wing * patchy, 0, 0.9)
    for sign in (-1, 1):
        out.dry[sign] = out.dry[sign] * (1 - haze)
    fissure = curve(((62, 112), (20, 172), (-30, 224), (-62, 262)))
    out.soft += strokes(
        field, [Stroke(fissure, 2.4, 6.0 + 3 * level), Stroke(((10, 168), (-82, 176)), 2.0, 6.0)]
    )


def _atelectasis(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 65])
    level = LEVEL[truth.size or "moderate"]
    x, y = SPOTS.get(truth.place or "lower", SPOTS["lower"])
    lines = []
    for k in range(level + 1):
        long, tilt = float(rng.uniform(26, 36)), math.radians(float(rng.uniform(5, 40)))
        dx, dy = long * math.cos(tilt), long * math.sin(tilt)
        lines.append(
            Stroke(((x - dx, y - 12 * k + dy), (x + dx, y - 12 * k - dy)), float(rng.uniform(4.5, 7)), 28.0)
        )
    out.soft += softened(strokes(field, lines), field) * ramp(profile.back - field.x, 6)
    if level == 2:
        wedge = ramp(field.y - 205 - (profile.back - field.x) * float32(1.3), 8)
        for sign in signs_of(truth):
            out.dry[sign] = out.dry[sign] * (1 - float32(0.85) * wedge)


def _nodule(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 66])
    radius = 0.5 * ((12.0, 17.0, 23.0)[LEVEL[truth.size or "moderate"]] + float(rng.uniform(0, 5)))
    for _ in signs_of(truth):
        body = np.sqrt(dome(ellipse(field, _spot(truth, rng, profile), (radius, radius * 0.94))))
        out.soft += body * float32(28 + 0.8 * radius)


def _mass(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 67])
    radius = 0.5 * ((35.0, 46.0, 60.0)[LEVEL[truth.size or "moderate"]] + float(rng.uniform(0, 11)))
    for _ in signs_of(truth):
        uneven = float32(0.08) * texture(field, rng, 16)
        r = ellipse(
            field, _spot(truth, rng, profile), (radius, radius * 0.92), turn=float(rng.uniform(0, 180))
        )
        out.soft += np.sqrt(dome(r + uneven)) * float32(38 + 0.55 * radius)


def _granuloma(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 68])
    low = (6.0, 7.8, 9.6)[LEVEL[truth.size or "moderate"]]
    for _ in range(len(signs_of(truth)) * int(rng.integers(1, 4))):
        radius = 0.5 * (low + float(rng.uniform(0, 2.2)))
        distance = (1 - ellipse(field, _spot(truth, rng, profile), (radius, radius * 0.9))) * float32(radius)
        out.dense = np.maximum(out.dense, float32(1.2) * ramp(distance, max(0.8, field.pixel)))


def _aortic_calcification(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 69])
    middle = aorta_path(profile)
    rim = profile.build.knob - 4
    outer = [_aside(a, b, rim) for a, b in pairwise(middle)]
    start, stop = 12, 12 + (14, 24, 36)[LEVEL[truth.size or "moderate"]]
    lines = []
    while start < stop:
        long = int(rng.integers(4, 9))
        lines.append(Stroke(outer[start : start + long], 2.5, float(rng.uniform(0.7, 1.0))))
        start += long + 1
    lines.sort(key=lambda line: line.value)
    out.dense = np.maximum(out.dense, strokes(field, lines))


def _aside(a: Point, b: Point, by: float) -> Point:
    dx, dy = b[0] - a[0], b[1] - a[1]
    long = math.hypot(dx, dy) or 1.0
    return a[0] + by * dy / long, a[1] - by * dx / long


def _rib_fracture(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 70])
    count = {"small": 2, "moderate": 3, "large": 4}[truth.size or "moderate"]
    x, y = float(rng.uniform(10, 45)), {"upper": 110.0, "lower": 190.0}.get(truth.place or "", 150.0)
    lines = []
    for k in range(count):
        px, py = x + float(rng.uniform(-4, 4)), y + 27.5 * k
        lines.append(Stroke(((px - 12, py + 10), (px - 1, py + 4)), 7.0, 0.50))
        lines.append(Stroke(((px + 1, py - 5), (px + 12, py - 13)), 7.0, 0.56))
    out.dense = np.maximum(out.dense, strokes(field, lines))


def _pacemaker(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 71])
    y = float(rng.uniform(104, 118))
    x = -70.0 - 0.4 * profile.build.wall
    can = ramp((1 - ellipse(field, (x, y), (6.5, 20), turn=14)) * float32(6.5), max(1.0, field.pixel))
    base = profile.base
    tip = (-62.0, base - 22)
    lead = curve(((x + 4, y - 18), (-22, 84), (-4, 110), (-2, 170), (-10, base - 62), (-34, base - 34), tip))
    lines = [Stroke(lead, 2.3, 1.5), Stroke((lead[-6], tip), 3.6, 1.9)]
    out.dense = np.maximum(out.dense, np.maximum(float32(2.8) * can, strokes(field, lines)))


def _endotracheal_tube(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 72])
    tip = (7.0, 150 - float(rng.uniform(28, 52)))
    path = curve(((-6, -20), (-3, 40), tip))
    lines = [Stroke(path, 10.0, 0.17), Stroke([(x + 3, y) for x, y in path], 2.2, 1.1)]
    out.dense = np.maximum(out.dense, strokes(field, lines))


def _central_venous_catheter(out: Shades, truth: FindingTruth, field: Field, profile: Profile) -> None:
    rng = np.random.default_rng([truth.seed, 73])
    path = curve(((-16, -10), (-20, 50), (-10, 100), (-6, float(rng.uniform(140, 166)))))
    out.dense = np.maximum(out.dense, strokes(field, [Stroke(path, 2.4, 0.95)]))


def _spot(truth: FindingTruth, rng: np.random.Generator, profile: Profile) -> Point:
    """A spot of the lung that the place word names, or any of them."""
    words = ("upper", "middle", "lower")
    draws = rng.random(3)
    x, y = SPOTS.get(truth.place or "", SPOTS[words[int(3 * draws[0])]])
    return x + 18 * float(draws[1] - 0.5), min(y + 22 * float(draws[2] - 0.5), profile.base - 12)


Painter = Callable[[Shades, FindingTruth, Field, Profile], None]

_PAINTERS: dict[str, Painter] = {
    "pleural_effusion": _effusion,
    "pneumothorax": _pneumothorax,
    "consolidation": _consolidation,
    "pulmonary_edema": _edema,
    "atelectasis": _atelectasis,
    "lung_nodule": _nodule,
    "lung_mass": _mass,
    "calcified_granuloma": _granuloma,
    "aortic_calcification": _aortic_calcification,
    "rib_fracture": _rib_fracture,
    "pacemaker": _pacemaker,
    "endotracheal_tube": _endotracheal_tube,
    "central_venous_catheter": _central_venous_catheter,
}
