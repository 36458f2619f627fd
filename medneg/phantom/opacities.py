"""Findings of lung and pleura from the front, as what they do to the air: fluid takes it, free gas thins it.

Everything composes through four maps, so two findings together look as two findings do: a consolidation under an
effusion is hidden by it, vessels end where a lung has collapsed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy import float32

from medneg.phantom.anatomy import Build, Chest, diaphragm
from medneg.phantom.geometry import Field, Map, Point, Stroke, bump, dome, ellipse, ramp, strokes, texture
from medneg.phantom.truth import FindingTruth, Picture

LEVEL = {"small": 0, "moderate": 1, "large": 2}
ZONE = {"apical": 88.0, "upper": 112.0, "middle": 178.0, "perihilar": 165.0, "lower": 236.0, "basal": 252.0}
"""Heights of the words for a place in the lung, mm."""


@dataclass(slots=True)
class Opacities:
    """What findings add to a chest, shape (rows, columns) each.

    Attributes:
        dry: share of the lung's air that is left, 1 in health.
        free: share of the ray inside free pleural gas, 0 in health.
        soft: further soft tissue, mm.
        calcium: optical depth of calcium.
    """

    dry: Map
    free: Map
    soft: Map
    calcium: Map


def opacities_of(picture: Picture, field: Field, build: Build, chest: Chest) -> Opacities:
    """Draw every finding of lung, pleura and vessel walls that the picture has."""
    zero = np.zeros(field.shape, dtype=float32)
    out = Opacities(zero + 1, zero.copy(), zero.copy(), zero.copy())
    for truth in picture.findings:
        paint = _PAINTERS.get(truth.finding)
        if paint is not None:
            paint(out, truth, (field, build, chest))
    return out


Stage = tuple[Field, Build, Chest]


def signs_of(truth: FindingTruth) -> tuple[int, ...]:
    """-1 for the right side, +1 for the left, both where both or neither are named."""
    return {"right": (-1,), "left": (1,)}.get(truth.side or "", (-1, 1))


def half(chest: Chest, sign: int) -> Map:
    """1 in one half of the chest."""
    return chest.left if sign > 0 else 1 - chest.left


def softened(line: Map, field: Field) -> Map:
    """Soften what has no sharp border of its own by about a millimetre."""
    from scipy.ndimage import gaussian_filter

    soft: Map = gaussian_filter(line, 1.1 / field.pixel)
    return soft


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
    field, build, chest = stage
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
        centre = _place(truth, sign, build, rng, inset=radius * 0.75)
        cloud = texture(field, rng, 11) * float32(0.09) + texture(field, rng, 26) * float32(0.19)
        wide = radius * float(rng.uniform(0.95, 1.2))
        r = ellipse(field, centre, (wide, radius), turn=float(rng.uniform(-40, 40))) + cloud
        mask = ramp(float32(1.05) - r, 0.6) * half(chest, sign)
        fluff = np.clip(float32(0.84) + float32(0.08) * texture(field, rng, 6), 0, 0.97)
        lines = _bronchi(rng, centre, sign, radius)
        open_ = softened(strokes(field, lines), field) * float32(0.7)
        out.dry *= 1 - mask * np.clip(fluff - open_, 0, 1)


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
    field, build, chest = stage
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


def paint_nodule(out: Opacities, truth: FindingTruth, stage: Stage) -> None:
    """One round, smooth nodule of 12 to 28 mm."""
    field, build, chest = stage
    rng = np.random.default_rng([truth.seed, 26])
    low = (12.0, 17.0, 23.0)[LEVEL[truth.size or "moderate"]]
    for sign in signs_of(truth):
        radius = 0.5 * (low + float(rng.uniform(0, 5)))
        centre = _place(truth, sign, build, rng, inset=radius + 7, medial=58.0)
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
        centre = _place(truth, sign, build, rng, inset=radius * 0.9, medial=30.0 + radius)
        dx, dy = field.x - float32(centre[0]), field.y - float32(centre[1])
        angle = np.arctan2(dy, dx)
        lobes = sum(
            float(rng.uniform(0.03, 0.08)) * np.sin(k * angle + float(rng.uniform(0, 6.28)))
            for k in (2, 3, 5)
        )
        r = np.sqrt(dx * dx + dy * dy) * float32(1 / radius)
        body = np.sqrt(dome(np.minimum(r + lobes.astype(float32), float32(1.5))))  # type: ignore[union-attr]
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
    field, build, chest = stage
    rng = np.random.default_rng([truth.seed, 28])
    low = (6.0, 7.8, 9.6)[LEVEL[truth.size or "moderate"]]
    for sign in signs_of(truth):
        for _ in range(int(rng.integers(1, 4))):
            radius = 0.5 * (low + float(rng.uniform(0, 2.2)))
            cx, cy = _place(truth, sign, build, rng, inset=14.0, medial=54.0)
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


def _place(
    truth: FindingTruth,
    sign: int,
    build: Build,
    rng: np.random.Generator,
    *,
    inset: float,
    medial: float = 42.0,
) -> Point:
    """A spot of the lung that its place word names, ``inset`` millimetres off its outer wall."""
    heights = ("upper", "middle", "lower")
    draws = rng.random(3)
    word = truth.place if truth.place in ZONE else heights[int(3 * draws[0])]
    floor = build.dome_of(sign) - min(inset, 26.0)
    y = min(ZONE[word] + 26 * float(draws[1] - 0.5), floor)
    y = max(y, 74.0 + 0.5 * inset)
    up = max(0.0, (235 - y) / 187)
    outer = build.half_width * math.sqrt(1 - up**3) - inset
    inner = medial + (22.0 if sign > 0 and y > 185 and medial < 80 else 0.0)
    if word == "perihilar":
        return sign * (inner + 8 * float(draws[2])), y
    return sign * (min(inner, outer) + max(0.0, outer - inner) * float(draws[2])), y


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


_PAINTERS = {
    "pleural_effusion": paint_effusion,
    "pneumothorax": paint_pneumothorax,
    "consolidation": paint_consolidation,
    "pulmonary_edema": paint_edema,
    "atelectasis": paint_atelectasis,
    "lung_nodule": paint_nodule,
    "lung_mass": paint_mass,
    "calcified_granuloma": paint_granuloma,
    "aortic_calcification": paint_aortic_calcification,
}
