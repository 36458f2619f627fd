"""The chest from the front, healthy: trunk, lungs, heart, mediastinum, diaphragm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy import float32

from medneg.phantom.build import APEX, Build
from medneg.phantom.geometry import Field, Map, bump, dome, ellipse, ramp, texture
from medneg.phantom.vessels import pulmonary_vessels


@dataclass(frozen=True, slots=True)
class Chest:
    """Maps of one healthy chest, shape (rows, columns) each.

    Attributes:
        body: path through the trunk, the lungs filled with water, mm.
        lung: 1 inside the lungs' outline above the diaphragm, soft-edged.
        air: path through aerated lung, mm (the heart and vessels already taken out).
        margin: distance from the outer (lateral and apical) pleura, mm, negative outside.
        reach: distance from the midline over the cage's half width at that height.
        vessels: path through pulmonary vessels, mm.
        left: 1 in the patient's left half.
    """

    body: Map
    lung: Map
    air: Map
    margin: Map
    reach: Map
    vessels: Map
    left: Map


def chest_of(field: Field, build: Build, seed: int) -> Chest:
    """Draw the maps of a healthy chest; ``seed`` is the person's."""
    left = (field.x > 0).astype(float32) + np.zeros_like(field.y)
    cage = cage_half_width(field.y, build)
    side = np.abs(field.x)
    reach = (side / np.maximum(cage, float32(1))).astype(float32)
    top = float32(APEX) + float32(0.011) * (side - 55) ** 2
    margin: Map = np.minimum(cage - side, (field.y - top) * float32(0.9))
    inner = side - _root_width(field, build)
    above = diaphragm(field, build) - field.y
    lung = ramp(np.minimum(margin, inner), 4) * ramp(above, 4)
    recess = float32(0.13) * np.exp(np.minimum(above, float32(0)) * float32(1 / 26)) * ramp(margin - 6, 10)
    depth = np.sqrt(np.clip(np.minimum(margin, inner + 30) * float32(1 / 62), 0, 1))
    outline = ramp(np.minimum(margin, inner), 4)
    air = float32(build.air) * depth * np.maximum(ramp(above, 5), recess) * outline
    air = np.maximum(air - solid(field, build, seed), float32(0))
    vessels = pulmonary_vessels(field, build, seed) * lung * ramp(margin, 14)
    return Chest(trunk(field, build), lung, air, margin, reach, vessels, left)


def cage_half_width(y: Map, build: Build) -> Map:
    """Inner half width of the rib cage at height ``y``, mm, shape (rows, 1)."""
    widest = 235.0
    up = np.clip((widest - y) * float32(1 / (widest - APEX + 2)), 0, 1)
    down = np.maximum(y - widest, float32(0)) * float32(0.01)
    shape = np.sqrt(float32(1) - up**3) * (float32(1) - float32(0.045) * down * down)
    half: Map = float32(build.half_width) * np.maximum(shape, float32(0.05))
    return half


def diaphragm(field: Field, build: Build) -> Map:
    """Height of the diaphragm at each x, mm, shape (1, columns)."""
    side = np.abs(field.x)
    domes = np.where(field.x > 0, float32(build.dome_left), float32(build.dome_right))
    lateral = np.maximum(side - 62, float32(0)) / float32(build.half_width - 62)
    medial = np.maximum(62 - side, float32(0)) * float32(1 / 62)
    height: Map = (domes + 44 * lateral ** float32(2.2) + 14 * medial * medial).astype(float32)
    return height


def _root_width(field: Field, build: Build) -> Map:
    """Half width of what is no lung around the midline, shape (rows, columns)."""
    drift = float32(build.sway * 0.4 + build.shift)
    waist = 21 + 6 * ramp(field.y - 110, 110) + 7 * bump(field.y - 54, 12)
    wave = np.sin(field.y * float32(0.11) + float32(4 * build.wander[0])) * float32(1.2)
    width: Map = (waist + wave + np.sign(field.x) * drift + (field.y < 0)).astype(float32)
    return width


def solid(field: Field, build: Build, seed: int) -> Map:
    """Path through heart, great vessels and hila, mm, shape (rows, columns)."""
    rng = np.random.default_rng([seed, 2])
    uneven = texture(field, rng, 22)
    out: Map = heart(field, build, uneven)
    kx, ky = build.knob_centre
    arch = dome(ellipse(field, (kx, ky), (build.knob, build.knob * 1.1)) + float32(0.02) * uneven)
    down = (
        ramp(float32(kx - 3) - np.abs(field.x - 6), 7)
        * ramp(field.y - ky, 10)
        * ramp(float32(255) - field.y, 40)
    )
    shift = build.sway * 0.5 + build.shift
    cava = (
        ramp(8 - np.abs(field.x + float32(25 - shift)), 6) * ramp(field.y - 62, 20) * ramp(152 - field.y, 20)
    )
    trunk = dome(ellipse(field, (29 + shift, 142), (17, 20), turn=20))
    out = np.maximum(out, np.maximum(72 * arch, 52 * trunk))
    out = np.maximum(out, np.maximum(32 * down, 38 * cava))
    for sign, height in ((-1, 156), (1, 149)):
        hilum = bump(ellipse(field, (sign * 37 + shift, height), (11, 19), turn=sign * 14), 1.0)
        out = np.maximum(out, (30 + 9 * uneven) * hilum)
    return out


_HEART = (
    (-0.36, 0.05), (-0.335, 0.22), (-0.25, 0.38), (-0.08, 0.47), (0.14, 0.50), (0.36, 0.49), (0.53, 0.43),
    (0.625, 0.31), (0.61, 0.17), (0.52, -0.03), (0.39, -0.23), (0.27, -0.40), (0.10, -0.53), (-0.10, -0.52),
    (-0.23, -0.36), (-0.32, -0.15),
)  # fmt: skip
"""Outline of the heart in units of its width: x from the midline to the left, y downwards."""


def heart(field: Field, build: Build, uneven: Map) -> Map:
    """Path through the heart, mm; its outline runs from atrium over apex to the pulmonary trunk."""
    width = 2 * build.half_width * build.heart
    base = build.base
    cx = build.sway * 0.6 + build.shift + 0.12 * width
    cy = base - (0.36 + 0.02 * build.wander[7]) * width
    outline = np.array(_HEART) * (width, width * (1.0 + 0.05 * build.wander[8])) - (
        0.12 * width,
        0.05 * width,
    )
    angles, radii = np.arctan2(outline[:, 1], outline[:, 0]), np.hypot(outline[:, 0], outline[:, 1])
    order = np.argsort(angles)
    fine = np.linspace(-math.pi, math.pi, 181)
    smooth = np.interp(fine, angles[order], radii[order], period=2 * math.pi)
    dx, dy = field.x - float32(cx), field.y - float32(cy)
    angle = np.arctan2(dy, dx)
    far = np.interp(angle, fine, smooth).astype(float32)
    radius = np.sqrt(dx * dx + dy * dy) / far + float32(0.014) * uneven
    return float32(108) * np.sqrt(dome(radius))


def trunk(field: Field, build: Build) -> Map:
    """Path through the trunk as if the lungs were solid, mm: neck, shoulders, chest wall, breasts, belly."""
    side = np.abs(field.x)
    half = float32(build.half_width + build.wall) * (1 - float32(0.05) * ramp(150 - field.y, 140))
    edge = half + ramp(122 + build.wander[9] * 8 - field.y, 60) * float32(150)
    slope = float32(18 + 0.34 * (0.8 if build.supine else 1.0)) + float32(0.32) * np.maximum(
        side - 50, float32(0)
    )
    neck = float32(53 + 0.1 * build.wall)
    shoulder = ramp(field.y - slope, 9)
    column = ramp(neck + np.maximum(field.y - 5, float32(0)) * float32(0.5) - side, 10)
    outline = np.maximum(shoulder, column) * ramp(edge - side, 5)
    round_ = np.sqrt(np.clip(1 - (side / (edge + 2)) ** 2, 0.0, 1))
    low = ramp(field.y - 150, 200)
    thick = float32(build.thickness) * (float32(0.66) + float32(0.36) * low)
    path = thick * (float32(0.3) + float32(0.7) * round_) * outline
    path = path * (1 - float32(0.25) * ramp(34 - field.y, 50))
    water: Map = np.maximum(path, arms(field, build)) + breasts(field, build)
    return water


def arms(field: Field, build: Build) -> Map:
    """Path through the upper arms, mm: held away from the trunk for a PA film, along it in bed."""
    slope = 0.16 + 0.05 * build.wander[9] if build.supine else 0.36 + 0.12 * build.wander[9]
    middle = build.half_width + build.wall + 26 + slope * np.maximum(field.y - 95, float32(0))
    across = (np.abs(field.x) - middle) * float32(1 / (36 + 0.25 * build.wall))
    return float32(88) * dome(across) * ramp(field.y - 96, 30)


def breasts(field: Field, build: Build) -> Map:
    """Path through the breasts, mm; nothing for men but a little muscle."""
    if build.breast == 0:
        fold = bump(ellipse(field, (88, 120), (46, 40)), 0.7) + bump(
            ellipse(field, (-88, 120), (46, 40)), 0.7
        )
        return float32(9) * fold
    out = np.zeros(field.shape, dtype=float32)
    for sign in (-1, 1):
        centre = (sign * (build.half_width * 0.62 + 4 * build.wander[3]), 213 + 10 * build.wander[2])
        disc = ellipse(field, centre, (build.breast * 1.05, build.breast))
        out += (
            float32(0.46 * build.breast)
            * dome(disc) ** float32(0.7)
            * ramp(field.y - float32(centre[1] + 2), 95)
        )
    return out
