"""What a finding may change in a chest, and what the words for size, side and place mean in millimetres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from medneg.phantom.anatomy import Chest
from medneg.phantom.build import Build
from medneg.phantom.geometry import Field, Map, Point
from medneg.phantom.truth import FindingTruth

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


def place_of(
    truth: FindingTruth,
    sign: int,
    build: Build,
    rng: np.random.Generator,
    *,
    clear: tuple[float, float],
) -> Point:
    """A spot of the lung that the place word names, or a random one without such a word.

    Args:
        truth: the finding.
        sign: -1 for the right lung, +1 for the left.
        build: measures of the chest.
        rng: of the finding; three numbers are drawn.
        clear: least distance from the midline and from the outer wall, mm; the wall wins.

    Returns:
        x and y, mm.
    """
    medial, inset = clear
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
