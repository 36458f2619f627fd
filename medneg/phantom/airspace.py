"""Findings of pleura and airspace from the front: fluid takes the air, free gas thins it."""

from __future__ import annotations

import math

import numpy as np
from numpy import float32

from medneg.phantom.findings import LEVEL, ZONE, Opacities, Stage, half, place_of, signs_of, softened
from medneg.phantom.geometry import Map, Point, Stroke, bump, ellipse, ramp, strokes, texture
from medneg.phantom.truth import FindingTruth


def paint_effusion(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """Fluid that fills the costophrenic angle and climbs the wall (meniscus); in bed also a veil."""
    field, build, chest = stage
    rng = np.random.default_rng([truth.seed, 21])
    level = LEVEL[truth.size or "moderate"]
    for sign in signs_of(truth):
        height = float((44, 90, 148)[level] + rng.uniform(-5, 14))
        drop = float((30, 34, 40)[level] + rng.uniform(-4, 6))
        angle = build.dome_of(sign) + 44
        reach = np.clip(chest.reach, 0, 1)
        surface = angle - height - drop * reach**6 + drop * (1 - reach) * float32(0.7)
        wave = texture(field, rng, 45) * float32(2.0)
        filled = ramp(field.y - surface + wave, 10)
        if build.supine:
            veil = ramp(field.y - (angle - height - 95), 110) * float32(0.30 + 0.08 * level)
            filled = np.maximum(filled, veil)
        rind = ramp(5 - chest.margin, 4) * ramp(field.y - (surface - 40), 30)
        out.dry *= 1 - half(chest, sign) * np.maximum(filled, float32(0.5) * rind)


def paint_pneumothorax(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """Gas between the pleurae: a thin white line, and beyond it nothing but black."""
    field, _, chest = stage
    rng = np.random.default_rng([truth.seed, 22])
    level = LEVEL[truth.size or "moderate"]
    for sign in signs_of(truth):
        mine = half(chest, sign)
        apical = float((29, 40, 60)[level] + rng.uniform(-2, 6))
        lateral = float((6, 22, 46)[level] + rng.uniform(-2, 5))
        fade = ramp(float((180, 250, 330)[level]) - field.y, 90)
        gap = (
            lateral + (apical - lateral) * np.exp(-(field.y - 50) * float32(1 / 48)) ** float32(0.8)
        ) * fade
        inward = chest.margin - gap + texture(field, rng, 40) * float32(1.5)
        inward = inward - (1 - fade) * 30 * (gap < 0.5)
        free = ramp(-inward, 2.5) * ramp(gap - 1, 2)
        line = bump(inward - float32(0.8), max(0.85, 0.5 * field.pixel)) * ramp(gap - 3, 3)
        line = line * min(1.0, 1.7 / field.pixel + 0.15)
        out.free = np.maximum(out.free, mine * free)
        out.soft += mine * line * 22 * ramp(chest.margin - 1, 3) * chest.lung
        out.dry *= 1 - mine * (1 - free) * float32((0.02, 0.06, 0.22)[level])


def paint_consolidation(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """Fluffy airspace filling with open bronchi in it."""
    field, build, chest = stage
    rng = np.random.default_rng([truth.seed, 23])
    radius = (28.0, 40.0, 56.0)[LEVEL[truth.size or "moderate"]]
    for sign in signs_of(truth):
        centre = place_of(truth, sign, build, rng, clear=(42.0, radius * 0.75))
        cloud = texture(field, rng, 11) * float32(0.09) + texture(field, rng, 26) * float32(0.19)
        wide = radius * float(rng.uniform(0.95, 1.2))
        r = ellipse(field, centre, (wide, radius), turn=float(rng.uniform(-40, 40))) + cloud
        mask = ramp(float32(1.05) - r, 0.6) * half(chest, sign)
        fluff = np.clip(float32(0.84) + float32(0.08) * texture(field, rng, 6), 0, 0.97)
        lines = _bronchi(rng, centre, sign, radius)
        open_ = softened(strokes(field, lines), field) * float32(0.7)
        out.dry *= 1 - mask * np.clip(fluff - open_, 0, 1)


def _bronchi(rng: np.random.Generator, centre: Point, sign: int, radius: float) -> list[Stroke]:
    """Open airways through a consolidation, fanning out from the hilum."""
    hilum = (sign * 32.0, 152.0)
    aim = math.atan2(centre[1] - hilum[1], centre[0] - hilum[0])
    lines = []
    for turn in rng.uniform(-0.5, 0.5, 5):
        start = (centre[0] - 0.75 * radius * math.cos(aim), centre[1] - 0.75 * radius * math.sin(aim))
        angle, far = aim + float(turn), radius * float(rng.uniform(0.9, 1.4))
        end = (start[0] + far * math.cos(angle), start[1] + far * math.sin(angle))
        lines.append(Stroke((start, end), float(rng.uniform(1.6, 2.8)), 1.0))
    return lines


def paint_edema(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """Bat-wing haze around the hila, septal (Kerley B) lines, thick upper vessels."""
    field, build, chest = stage
    rng = np.random.default_rng([truth.seed, 24])
    level = LEVEL[truth.size or "moderate"]
    for sign in (-1, 1):
        mine = half(chest, sign)
        centre = (sign * (52 + float(rng.uniform(-4, 6))), 172 + float(rng.uniform(-8, 8)))
        wing = bump(ellipse(field, centre, (33 + 5 * level, 50 + 7 * level), turn=sign * -10), 1.0)
        patchy = 1 + float32(0.12) * texture(field, rng, 13) + float32(0.06) * texture(field, rng, 6)
        haze = np.clip(
            float32((0.46, 0.62, 0.78)[level]) * wing * patchy + float32(0.05 + 0.03 * level), 0, 0.92
        )
        out.dry *= 1 - mine * haze * ramp(chest.margin - 4, 14)
        cage = build.half_width
        lines = []
        for _ in range(5 + 3 * level):
            y = float(rng.uniform(205, build.dome_of(sign) + 15))
            out_x, long = cage - 4 - 0.0006 * (y - 235) ** 2, float(rng.uniform(10, 19))
            lines.append(Stroke(((sign * out_x, y), (sign * (out_x - long), y + 2)), 1.5, 5.0))
        for angle in rng.uniform(-75, -25, 4):
            end = (
                sign * 34 + sign * 62 * math.cos(math.radians(angle)),
                146 + 62 * math.sin(math.radians(angle)),
            )
            lines.append(Stroke(((sign * 34, 146), end), 5.5, 5.0))
        out.soft += mine * strokes(field, lines) * chest.lung


def paint_atelectasis(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """Plates and bands; when large, a lobe that has shrunk to a wedge."""
    field, build, chest = stage
    rng = np.random.default_rng([truth.seed, 25])
    level = LEVEL[truth.size or "moderate"]
    for sign in signs_of(truth):
        mine = half(chest, sign)
        height = ZONE.get(truth.place or "basal", 250.0)
        floor = build.dome_of(sign) - 14
        lines: list[Stroke] = []
        for k in range((1, 2, 3)[level]):
            y = min(height, floor) - 13 * k + float(rng.uniform(-4, 4))
            x = float(rng.uniform(66, 86))
            long, tilt = float(rng.uniform(29, 40)) + 4 * level, float(rng.uniform(-14, 14))
            lines.append(_plate((sign * x, y), long, tilt, float(rng.uniform(4.8, 8.0))))
        out.soft += mine * softened(strokes(field, lines), field) * ramp(chest.margin, 8) * chest.lung
        if level == 2:
            out.dry *= 1 - mine * _collapsed_lobe(truth, sign, stage)


def _collapsed_lobe(truth: FindingTruth, sign: int, stage: Stage) -> Map:
    """Opacity of a shrunken lobe: at the apex for an upper one, else a triangle behind the heart."""
    field, _, _ = stage
    side = np.abs(field.x)
    if truth.place in ("upper", "apical"):
        edge = 128 - float32(0.0045) * (side - 25) ** 2 - float32(0.12) * side
        return float32(0.86) * ramp(edge - field.y, 5)
    slope = 26 + (field.y - 150) * float32(0.42)
    fissure = ramp(slope - side, 5) * ramp(field.y - 148, 20)
    return float32(0.88) * fissure


def _plate(centre: Point, long: float, tilt: float, width: float) -> Stroke:
    dx, dy = long * math.cos(math.radians(tilt)), long * math.sin(math.radians(tilt))
    ends = ((centre[0] - dx, centre[1] - dy), (centre[0], centre[1] + 2.0), (centre[0] + dx, centre[1] + dy))
    return Stroke(ends, width, 34.0)
