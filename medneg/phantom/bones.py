"""Bones from the front, as optical depths: ribs (whole and broken), spine, clavicles, shoulder blades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float32

from medneg.phantom.anatomy import Chest
from medneg.phantom.build import APEX, Build
from medneg.phantom.geometry import (
    Field,
    Map,
    Point,
    Reals,
    Stroke,
    bump,
    curve,
    ellipse,
    polygons,
    ramp,
    strokes,
)
from medneg.phantom.truth import FindingTruth

RIB = 0.30
"""Optical depth of a rib seen flat."""


@dataclass(frozen=True, slots=True)
class Break:
    """Broken ribs of one side: which, where along them, how far the outer part has moved (rib spacings)."""

    sign: int
    ribs: tuple[int, ...]
    reach: tuple[float, ...]
    offset: tuple[float, ...]


def breaks_of(truth: FindingTruth | None) -> tuple[Break, ...]:
    """Choose the broken ribs of a rib fracture: two, three or four neighbours, at their outer part."""
    if truth is None:
        return ()
    rng = np.random.default_rng([truth.seed, 11])
    count = {"small": 2, "moderate": 3, "large": 4}[truth.size or "moderate"]
    first = {"upper": 2, "middle": 3, "lower": 5}.get(truth.place or "", int(rng.integers(2, 6)))
    signs = {"right": (-1,), "left": (1,)}.get(truth.side or "", (-1, 1))
    out = []
    for sign in signs:
        middle = float(rng.uniform(0.70, 0.84))
        reach = tuple(middle + float(v) for v in rng.uniform(-0.04, 0.04, count))
        way = 1.0 if rng.random() < 0.5 else -1.0
        offset = tuple(way * float(v) for v in rng.uniform(0.26, 0.38, count))
        out.append(Break(sign, tuple(range(first, first + count)), reach, offset))
    return tuple(out)


def ribs(field: Field, build: Build, chest: Chest, breaks: tuple[Break, ...]) -> Map:
    """Ribs of both sides, front and back parts, shape (rows, columns).

    All ribs come from one periodic function of height; a break shifts its phase beyond one point.
    """
    reach = np.minimum(chest.reach, float32(1.04))
    spacing = float32((build.base + 46 - APEX) / 9.6)
    sweep = spacing * (1.75 * reach**3 - float32(0.34) * np.sin(reach * float32(3.0)))
    back = (field.y - float32(APEX + 6 + 3 * build.wander[4]) - sweep) / spacing
    inside = ramp((float32(1.03) - chest.reach) * float32(build.half_width), 4)
    edge = 1 + float32(0.9) * ramp(chest.reach - float32(0.9), 0.16)
    whole = _bars(back, float32(5.4) / spacing, breaks, chest) * ramp(chest.reach - float32(0.12), 0.1)
    front = back - float32(2.5) * (1 - np.minimum(reach, float32(1))) ** float32(1.15)
    pale = _bars(front, float32(6.6) / spacing, (), chest) * ramp(chest.reach - float32(0.5), 0.22)
    inner = ramp(front + float32(0.6), 0.2) * ramp(float32(6.6) - front, 0.3)
    outer = ramp(back + float32(0.6), 0.2) * ramp(float32(10.4) - back, 0.3)
    deep = 1 - float32(0.35) * ramp(field.y - float32(build.rest[0] + 16), 50)
    bars = whole * outer + float32(0.42) * pale * inner
    depth: Map = float32(RIB * build.bone) * deep * inside * edge * bars
    return depth


def _bars(phase: Reals, half: float32, breaks: tuple[Break, ...], chest: Chest) -> Map:
    """Bars around whole numbers of ``phase``: a pale marrow between two brighter rims."""
    number = np.rint(phase)
    off = phase - number
    extra = np.zeros((), dtype=float32)
    keep = np.ones((), dtype=float32)
    for broken in breaks:
        mine = (chest.left > 0.5) == (broken.sign > 0)
        for rib, reach, offset in zip(broken.ribs, broken.reach, broken.offset, strict=True):
            here = (mine & (number == rib)).astype(float32)
            beyond = chest.reach - float32(reach)
            off = off - here * (beyond > 0) * float32(offset) * (1 - float32(1.5) * np.clip(beyond, 0, 0.3))
            keep = keep * (1 - here * bump(beyond, 0.014))
            ends = bump(np.abs(beyond) - float32(0.034), 0.021) * bump(off, 0.155)
            extra = extra + here * float32(1.7) * ends
    far = np.abs(off)
    bar = float32(0.62) * ramp(half - far, float(half) * 0.5)
    rim = float32(0.5) * bump(far - half * float32(0.86), float(half) * 0.2)
    return (bar + rim) * keep + extra


def bruise(field: Field, chest: Chest, build: Build, breaks: tuple[Break, ...]) -> Map:
    """Soft tissue swollen around broken ribs, mm."""
    out = np.zeros(field.shape, dtype=float32)
    for broken in breaks:
        middle = 0.5 * (broken.ribs[0] + broken.ribs[-1])
        y = APEX + 6 + (middle + 0.75) * (build.rest[0] + 46 - APEX) / 9.6
        centre = (broken.sign * build.half_width * 0.97, y)
        out += 20 * bump(ellipse(field, centre, (9, 14 + 9 * len(broken.ribs))), 1.0)
    return out * ramp(chest.reach - float32(0.6), 0.3)


def spine(field: Field, build: Build) -> Map:
    """Vertebrae: bodies with discs between, pedicles and spinous processes."""
    drift = -0.35 * build.sway + 3 * build.wander[1] * np.sin((field.y - 60) * float32(0.013))
    dx = field.x - drift.astype(float32)
    level = (field.y + 3 * float32(build.wander[2])) / (22 + field.y * float32(0.018))
    off = level - np.rint(level)
    body = ramp(18 + field.y * float32(0.012) - np.abs(dx), 5)
    plate = ramp(np.abs(off) - float32(0.34), 0.12)
    wing = bump(off, 0.12) * ramp(33 - np.abs(dx), 9) * ramp(np.abs(dx) - 14, 6)
    eye = bump(off + float32(0.1), 0.13) * bump(np.abs(dx) - 12, 2.6)
    thorn = bump(off - float32(0.18), 0.16) * bump(dx, 2.6)
    whole = float32(0.33) * body * (1 - float32(0.42) * plate) + float32(0.22) * wing
    depth: Map = float32(build.bone) * (whole + float32(0.26) * eye + float32(0.22) * thorn)
    return depth


def clavicles(field: Field, build: Build) -> Map:
    """Both collar bones; from the front they sit higher, and rotation parts them unevenly."""
    lift = -10.0 if build.supine else 0.0
    lines = []
    for sign in (-1, 1):
        start = sign * 15 + build.sway
        y = 91 + lift + 3 * build.wander[5]
        path = curve(
            (
                (start, y),
                (sign * 48 + build.sway * 0.8, y - 10),
                (sign * 88 + build.sway * 0.5, y - 24 - 4 * build.wander[6]),
                (sign * 130, y - 22 - 6 * build.wander[6]),
                (sign * 168, y - 28),
            ),
            steps=6,
        )
        lines += [Stroke(path, 12.5, 0.40), Stroke(path, 8.5, 0.27), Stroke(path[:4], 15.0, 0.36)]
    return float32(build.bone) * strokes(field, lines)


def shoulder_blades(field: Field, build: Build) -> Map:
    """Scapulae and the heads of the arms: beside the lungs from behind, over them from the front."""
    out = np.zeros(field.shape, dtype=float32)
    inward = 97.0 if build.supine else 122.0
    blades: list[list[Point]] = []
    lines: list[Stroke] = []
    for sign in (-1, 1):
        m = inward + 6 * build.wander[7] - sign * build.sway * 0.5
        corners: list[Point] = [
            (sign * (m + 6), 74), (sign * (m - 3), 112), (sign * (m + 8), 152), (sign * (m + 19), 182),
            (sign * (m + 27), 172), (sign * (m + 46), 118), (sign * (m + 58), 90), (sign * (m + 36), 70),
        ]  # fmt: skip
        blades.append(corners)
        lines.append(Stroke(curve(corners[:4], steps=5), 3.0, 0.13))
        lines.append(Stroke(curve(corners[3:7], steps=5), 6.0, 0.22))
        lines.append(Stroke(((sign * (m + 2), 96), (sign * (m + 36), 82), (sign * (m + 66), 70)), 8.0, 0.2))
        ball = ellipse(field, (sign * (m + 82), 92), (25, 27))
        shaft = ramp(14 - np.abs(field.x - float32(sign * (m + 94))), 4) * ramp(field.y - 92, 14)
        out = np.maximum(out, float32(0.34) * np.maximum(ramp(1 - ball, 0.15), float32(0.8) * shaft))
    out += float32(0.10) * polygons(field, blades) + strokes(field, lines)
    return float32(build.bone) * out
