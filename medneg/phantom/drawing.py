"""One radiograph from its truth: anatomy, findings and devices become attenuation, attenuation a picture.

Every part draws from its own stream of random numbers (the person's, the film's, each finding's), so a
picture without one of its findings is that picture's counterfactual: all else stays as it is.
"""

from __future__ import annotations

import numpy as np
from numpy import float32

from medneg.phantom import anatomy, bones, lateral
from medneg.phantom.build import Build, build_of
from medneg.phantom.devices import devices_of
from medneg.phantom.geometry import Field, Map, field_of, ramp
from medneg.phantom.lateral_findings import shades_of
from medneg.phantom.opacities import opacities_of
from medneg.phantom.physics import WATER, Look, exposed
from medneg.phantom.truth import Picture
from medneg.phantom.vessels import airways

LUNG = float32(0.24)
"""Density of aerated lung relative to water, at rest; full inspiration thins it a little."""


def draw(picture: Picture) -> Map:
    """Draw one radiograph.

    The same picture gives the same bytes. ``technique.rows`` and ``columns`` set the size; the shorter edge
    is always 400 mm, so two sizes of one picture show the same chest with the same noise.

    Args:
        picture: the person, the technique and the findings.

    Returns:
        float32 in [0, 1], shape (rows, columns), bone bright, ready to show. The patient's left is on the
        right of frontal views; lateral ones face left.
    """
    if picture.technique.view == "LATERAL":
        return draw_lateral(picture)
    return draw_frontal(picture)


def draw_frontal(picture: Picture) -> Map:
    """Draw a PA or AP radiograph; see ``draw``."""
    technique = picture.technique
    rng = np.random.default_rng([technique.seed, 41])
    zoom, dx, dy = (float(v) for v in rng.uniform(-1, 1, 3))
    supine = technique.view == "AP"
    field = field_of(
        technique.rows, technique.columns, zoom=1.0 + 0.05 * zoom + 0.02 * supine, shift=(7 * dx, 8 * dy)
    )
    build = build_of(picture)
    depth = depth_of(picture, field, build)
    look = look_of(picture, build, rng)
    shown = exposed(depth, field, look, np.random.default_rng([technique.seed, 42]))
    return collimated(shown, technique.collimation, rng)


def draw_lateral(picture: Picture) -> Map:
    """Draw a lateral radiograph; see ``draw``."""
    technique = picture.technique
    rng = np.random.default_rng([technique.seed, 41])
    field = lateral.field_for(picture)
    profile = lateral.profile_of(picture, field)
    depth = lateral_depth_of(picture, field, profile)
    look = look_of(picture, profile.build, rng)
    shown = exposed(depth, field, look, np.random.default_rng([technique.seed, 42]))
    return collimated(shown, technique.collimation, rng)


def lateral_depth_of(picture: Picture, field: Field, profile: lateral.Profile) -> Map:
    """Optical depth of the whole chest from the side, shape (rows, columns)."""
    seed, build = picture.person.seed, profile.build
    shades = shades_of(picture, field, profile)
    body, right_left = lateral.trunk(field, profile), lateral.lungs(field, profile)
    solid = float32(0.5) * lateral.solid(field, profile, seed)
    tree = lateral.vessels(field, seed)
    soft = body + shades.soft - np.minimum(lateral.airway(field), body * float32(0.4))
    for sign, lung in zip((-1, 1), right_left, strict=True):
        alive = shades.dry[sign] * (1 - shades.free[sign])
        air = np.maximum(float32(0.5 * build.air + 6) * lung - solid, float32(0))
        soft = (
            soft
            - air * ((1 - LUNG) * alive + shades.free[sign])
            + float32(0.5) * tree * alive * np.minimum(air * float32(1 / 50), lung)
        )
    covered = ramp(body - 24, 30)
    depth = WATER * np.maximum(soft, float32(0)) + lateral.bones(field, profile) * covered
    out: Map = (depth + shades.dense).astype(float32)
    return out


def depth_of(picture: Picture, field: Field, build: Build) -> Map:
    """Optical depth of the whole chest, shape (rows, columns)."""
    seed = picture.person.seed
    chest = anatomy.chest_of(field, build, seed)
    opacities = opacities_of(picture, field, build, chest)
    breaks = bones.breaks_of(picture.find("rib_fracture"))
    alive = opacities.dry * (1 - opacities.free)
    thinning = (1 - LUNG) * alive + opacities.free
    vessels = chest.vessels * alive
    soft = chest.body - chest.air * thinning - np.minimum(airways(field, build), chest.body * float32(0.4))
    soft += vessels * float32(1.15) + opacities.soft + bones.bruise(field, chest, build, breaks)
    skeleton = bones.ribs(field, build, chest, breaks)
    skeleton += (
        bones.spine(field, build) + bones.clavicles(field, build) + bones.shoulder_blades(field, build)
    )
    covered = ramp(chest.body - 24, 30)
    solid = WATER * np.maximum(soft, float32(0)) + skeleton * covered
    out: Map = (solid + opacities.calcium + devices_of(picture, field, build)).astype(float32)
    return out


def look_of(picture: Picture, build: Build, rng: np.random.Generator) -> Look:
    """Exposure and display of one film; only person and technique decide, never a finding."""
    technique = picture.technique
    draws = rng.uniform(-1, 1, 5)
    lung = float(WATER) * (build.thickness * 0.9 - build.air * 0.76)
    whole = float(WATER) * build.thickness * 0.95
    scatter = 0.55 + 0.1 * float(draws[0]) + (0.15 if build.supine else 0.0)
    deepest = -np.log(np.exp(-whole - 0.4) + scatter * 0.034)
    lightest = -np.log(np.exp(-lung) + scatter * 0.085)
    span = float(deepest - lightest)
    return Look(
        dark=float(lightest) - span * (0.50 + 0.12 * float(draws[1])),
        bright=float(deepest) + span * (0.20 + 0.10 * float(draws[2])),
        gamma=1.0 + 0.14 * float(draws[3]),
        detail=0.55 + 0.2 * float(draws[4]),
        scatter=scatter,
        noise=0.007 / float(np.sqrt(max(technique.exposure, 0.05))),
    )


def collimated(shown: Map, share: float, rng: np.random.Generator) -> Map:
    """Blacken what the collimator blocks: ``share`` of the width and height, unevenly over the edges."""
    parts = rng.uniform(0.2, 0.8, 2)
    if share <= 0:
        return shown
    rows, columns = shown.shape
    top, left = round(rows * share * float(parts[0])), round(columns * share * float(parts[1]))
    bottom, right = rows - (round(rows * share) - top), columns - (round(columns * share) - left)
    out = np.full_like(shown, float32(0.01))
    out[top:bottom, left:right] = shown[top:bottom, left:right]
    return out
