"""The chest from the side: the patient faces the picture's left, arms raised, both lungs in one shadow.

Here x grows towards the back. Each lung is half of the air, so a finding of one side shows half as strong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy import float32

from medneg.phantom.build import Build, build_of
from medneg.phantom.geometry import (
    Field,
    Map,
    Point,
    Stroke,
    bump,
    curve,
    dome,
    ellipse,
    field_of,
    ramp,
    strokes,
    texture,
)
from medneg.phantom.truth import Picture
from medneg.phantom.vessels import grown

TOP = 58.0
"""Top of the lungs, mm."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Outlines of one chest from the side, mm.

    Attributes:
        build: measures that the front view uses too.
        front, back: x of the lungs' anterior and posterior border at each y, shape (rows, 1).
        spine: x of the vertebral bodies' middle at each y, shape (rows, 1).
        hunch: how far the upper back bulges with age.
        domes: heights of the right and the left half of the diaphragm at their top.
        base: height of the lower half, before a finding raises one.
    """

    build: Build
    front: Map
    back: Map
    spine: Map
    hunch: float
    domes: tuple[float, float]
    base: float


def profile_of(picture: Picture, field: Field) -> Profile:
    """Measure a person from the side."""
    build, old = build_of(picture), max(0.0, picture.person.age - 45) / 40
    depth = build.thickness / 212
    hunch = 5 + 15 * old * (1.25 if picture.person.sex == "F" else 0.8) + 3 * build.wander[3]
    down = np.clip((field.y - TOP) * float32(1 / 135), 0, 1)
    front = -8 - 80 * depth * np.sin(down * float32(math.pi / 2)) ** float32(0.85)
    curl = bump(field.y - 165, 75)
    back = 34 + 42 * depth * np.sqrt(down) + hunch * curl
    spine = back - 30 - 3 * curl
    domes = (build.dome_right - 26, build.dome_left - 26)
    outlines = (front.astype(float32), back.astype(float32), spine.astype(float32))
    return Profile(build, *outlines, hunch, domes, max(build.rest) - 26)


def lungs(field: Field, profile: Profile) -> tuple[Map, Map]:
    """Outlines of the right and the left lung, 0 to 1, shape (rows, columns) each."""
    inside = np.minimum(field.x - profile.front, profile.back - field.x)
    inside = np.minimum(inside, (field.y - TOP) * float32(0.9))
    body = ramp(inside, 5) * np.sqrt(np.clip(float32(0.35) + inside * float32(1 / 55), 0, 1))
    behind, ahead = np.maximum(field.x + 18, float32(0)), np.maximum(-18 - field.x, float32(0))
    shape = 62 * (behind * float32(1 / 105)) ** 2 + 24 * (ahead * float32(1 / 70)) ** 2
    right, left = (body * ramp(top + shape - field.y, 4) for top in profile.domes)
    return right, left


def trunk(field: Field, profile: Profile) -> Map:
    """Path through the trunk as if the lungs were solid, mm: chest wall, neck, raised arms, breasts."""
    build = profile.build
    wall = 15 + 0.5 * build.wall
    belly = (10 + 14 * (build.wall - 20) / 15) * ramp(field.y - 290, 120)
    forward = field.x - (profile.front - wall * float32(0.8) - belly)
    rear = profile.back + wall + 16 - field.x
    middle, half = (rear - forward) * float32(0.5), (rear + forward) * float32(0.5)
    round_ = np.sqrt(np.clip(1 - (middle / np.maximum(half + 3, float32(1))) ** 2, 0.0, 1))
    path = float32(build.thickness + 38) * (float32(0.3) + float32(0.7) * round_)
    outline = ramp(np.minimum(forward, rear), 5) * (float32(0.45) + float32(0.55) * ramp(field.y - 62, 70))
    neck = float32(118) * dome((field.x - 8 + (field.y - 60) * float32(0.25)) * float32(1 / 60))
    arm = (
        float32(95)
        * dome((field.y - 44 - (field.x + 20) * float32(0.42)) * float32(1 / 48))
        * ramp(34 - field.x, 40)
    )
    path = np.maximum(path * outline, np.maximum(neck * ramp(90 - field.y, 40), arm))
    if build.breast:
        place = (-54 - wall, 212 + 8 * build.wander[2])
        bust = dome(ellipse(field, place, (build.breast * 0.95, build.breast * 1.0), turn=-12))
        path = np.maximum(path, float32(90) * bust) + float32(22) * bust
    water: Map = path.astype(float32)
    return water


def solid(field: Field, profile: Profile, seed: int) -> Map:
    """Path through heart, aorta and hila, mm."""
    build = profile.build
    uneven = texture(field, np.random.default_rng([seed, 52]), 22)
    large = 0.5 * build.half_width * build.heart / 0.445
    base = profile.base
    body = ellipse(field, (-34 + 0.18 * large, base - 0.72 * large), (0.80 * large, 0.98 * large), turn=38)
    out = float32(84) * np.sqrt(dome(body + float32(0.015) * uneven))
    aorta = aorta_path(profile)
    tube = strokes(field, [Stroke(aorta, 2 * build.knob - 6, 20.0), Stroke(aorta, build.knob, 30.0)])
    hilum = (34 + 8 * uneven) * bump(ellipse(field, (6, 158), (14, 19)), 1.0)
    paths: Map = np.maximum(out, np.maximum(tube * ramp(float32(290) - field.y, 60), hilum))
    return paths


def aorta_path(profile: Profile) -> list[Point]:
    """Middle line of the aorta from its root over the arch to the diaphragm."""
    reach = 44 + 0.6 * profile.hunch
    return curve(
        ((-24, 172), (-18, 128), (6, 108), (30, 120), (reach - 4, 165), (reach, 230), (reach - 6, 300))
    )


def vessels(field: Field, seed: int) -> Map:
    """Path through the branching pulmonary vessels, mm."""
    rng = np.random.default_rng([seed, 53])
    sign = np.repeat([-1.0, 1.0], 7)
    angle = np.tile(np.linspace(-65, 80, 7), 2) + rng.uniform(-9, 9, 14)
    twigs = np.stack([6 + 4 * sign, 158 + 0.15 * angle, sign, angle, np.full(14, 4.2)])
    lines: list[Stroke] = []
    while twigs.shape[1]:
        twigs, drawn = grown(twigs, rng.random((4, twigs.shape[1])))
        lines = drawn + lines
    return strokes(field, lines)


def airway(field: Field) -> Map:
    """Path through the air of the trachea and the upper lobe bronchi, mm."""
    lines = [
        Stroke(((-6, -10), (0, 60), (12, 146), (15, 168)), 15.0, 15.0),
        Stroke(((12, 152), (12, 158)), 9.0, 17.0),
    ]
    return strokes(field, lines)


def bones(field: Field, profile: Profile) -> Map:
    """Optical depth of vertebrae, sternum and the ribs of both sides."""
    build = profile.build
    dx = field.x - profile.spine
    level = (field.y - float32(0.12) * dx + 3 * float32(build.wander[2])) / (21 + field.y * float32(0.02))
    off = np.abs(level - np.rint(level))
    body = ramp(16 - np.abs(dx), 4) * ramp(float32(0.40) - off, 0.1)
    rim = bump(np.maximum(np.abs(dx) * float32(1 / 16), off * float32(2.5)) - float32(0.94), 0.06)
    thorn = bump(off, 0.13) * ramp(dx - 16, 8) * ramp(48 - dx, 16)
    column = float32(0.30) * body + float32(0.13) * rim * ramp(18 - np.abs(dx), 3) + float32(0.12) * thorn
    breast_bone = (
        ramp(5 - np.abs(field.x - profile.front + 9), 4) * ramp(field.y - 104, 10) * ramp(248 - field.y, 20)
    )
    depth: Map = float32(build.bone) * (column + float32(0.22) * breast_bone + ribs(field, profile))
    return depth


def ribs(field: Field, profile: Profile) -> Map:
    """Both sides' ribs, running down from the back to the front, a little apart."""
    span = np.maximum(profile.back - profile.front, float32(1))
    along = np.clip((profile.back + 4 - field.x) / span, -0.05, 1.1)
    fall = 74 * along - 26 * along * along * along
    edge = ramp(along + float32(0.03), 0.06) * ramp(float32(0.92) - along, 0.2)
    out = np.zeros(field.shape, dtype=float32)
    for gap, weight in ((0.0, 0.21), (9.0, 0.16)):
        phase = (field.y - (TOP - 30 + gap) - fall) * float32(1 / 27.5)
        off = np.abs(phase - np.rint(phase)) * float32(27.5)
        bar = float32(0.6) * ramp(float32(5) - off, 2.5) + float32(0.5) * bump(off - float32(4.2), 1.0)
        out += float32(weight) * bar * ramp(phase + float32(0.5), 0.2) * ramp(float32(9.5) - phase, 0.3)
    return out * edge


def field_for(picture: Picture) -> Field:
    """The plane of one lateral film, its patient a little off the middle."""
    technique = picture.technique
    zoom, dx, dy = (float(v) for v in np.random.default_rng([technique.seed, 51]).uniform(-1, 1, 3))
    return field_of(
        technique.rows, technique.columns, zoom=1.1 + 0.04 * zoom, shift=(-4 + 7 * dx, 10 + 8 * dy)
    )
