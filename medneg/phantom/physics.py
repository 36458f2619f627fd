"""From attenuation to a picture: Beer-Lambert, scatter, blur, quantum noise, logarithm, display."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float32

from medneg.phantom.geometry import Field, Map, blurred

WATER = float32(0.019)
"""Attenuation of soft tissue at the mean energy of a filtered 120 kV beam, per millimetre."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture is exposed and shown.

    Attributes:
        dark, bright: optical depths (after scatter) that are shown black and white.
        gamma: of the display; below 1 lifts the dark parts.
        detail: weight of what is finer than 12 mm.
        scatter: scattered over primary radiation, on average.
        noise: relative quantum noise of 1 mm² behind nothing.
    """

    dark: float
    bright: float
    gamma: float
    detail: float
    scatter: float
    noise: float


def exposed(depth: Map, field: Field, look: Look, rng: np.random.Generator) -> Map:
    """Turn optical depth into a displayed picture in [0, 1], bone bright.

    Args:
        depth: attenuation times path length along each ray, shape (rows, columns).
        field: the plane it lies in.
        look: exposure and display.
        rng: of the noise, the same number of draws whatever is in the picture.
    """
    primary = np.exp(-depth)
    inside = np.minimum(primary, float32(0.25))
    light = primary + float32(look.scatter) * blurred(inside, 34 / field.pixel)
    grain = rng.standard_normal(depth.shape, dtype=float32) * float32(look.noise / field.pixel)
    log = -np.log(light) + grain / np.sqrt(np.maximum(light, float32(0.004)))
    return displayed(log, field, look)


def displayed(log: Map, field: Field, look: Look) -> Map:
    """Window, sharpen and bend the logarithm of the detector's signal, as a workstation does."""
    value = (log - float32(look.dark)) * float32(1 / (look.bright - look.dark))
    value = np.clip(value, -0.15, 1.35)
    coarse = blurred(value, 12 / field.pixel)
    value = value + float32(look.detail) * (value - coarse)
    value = np.maximum(value, float32(0)) ** float32(look.gamma)
    shoulder = float32(0.8)
    high = np.maximum(value - shoulder, float32(0))
    value = np.minimum(value, shoulder) + (float32(1) - shoulder) * np.tanh(high / (float32(1) - shoulder))
    shown: Map = np.clip(value, 0, 1).astype(float32)
    return shown
