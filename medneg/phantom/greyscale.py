"""How a picture becomes stored values, so that DICOM's grey-scale chain gives it back.

The chain (PS3.3, C.11.1 and C.11.2) runs modality rescale, then VOI LUT sequence or window, then
inversion for MONOCHROME1. Here every step is undone in the opposite order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy import float32
from numpy.random import Generator
from numpy.typing import NDArray

Voi = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID", "LUT", "NONE"]

VOI_ODDS: dict[Voi, float] = {
    "LINEAR": 0.40,
    "LINEAR_EXACT": 0.07,
    "SIGMOID": 0.07,
    "LUT": 0.30,
    "NONE": 0.16,
}
BITS_ODDS = {8: 0.04, 10: 0.10, 12: 0.50, 14: 0.16, 15: 0.20}
MONOCHROME1_ODDS = 0.5

LUT_BITS = (10, 12, 16)

SIGMOID_EDGE = 0.006
"""A sigmoid never reaches 0 or 1; display values within this distance of them are stored as this far."""

SATURATED = 1 / 512
"""Display values this close to 0 or 1 are scattered over the stored values outside the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyScale:
    """One way to store a picture.

    Attributes:
        bits: Bits Stored; 16 are allocated, or 8 for 8.
        inverted: True for MONOCHROME1.
        voi: the VOI function whose inverse is stored; "NONE" stores the picture linearly.
        slope, intercept: of the modality rescale; None where the file has none.
        low, high: stored values that the VOI function takes to black and to white.
        bend: in (-1, 1), how far a VOI LUT departs from a line.
        lut_bits: of the LUT's entries.
    """

    bits: int
    inverted: bool
    voi: Voi
    slope: float | None
    intercept: float | None
    low: int
    high: int
    bend: float
    lut_bits: int

    @property
    def top(self) -> int:
        """The largest stored value."""
        return int(2**self.bits - 1)

    @property
    def center(self) -> float:
        """Window Center, in modality units."""
        middle = (self.low + self.high) / 2 * (self.slope or 1.0) + (self.intercept or 0.0)
        return middle + (0.5 if self.voi == "LINEAR" else 0.0)

    @property
    def width(self) -> float:
        """Window Width, in modality units: the inverse of the window's equations below."""
        span = (self.high - self.low) * (self.slope or 1.0)
        if self.voi == "SIGMOID":
            return 2 * span / float(np.log((1 - SIGMOID_EDGE) / SIGMOID_EDGE))
        return span + (1.0 if self.voi == "LINEAR" else 0.0)

    def lut(self) -> NDArray[np.uint16]:
        """Entries of the VOI LUT for stored values ``low`` to ``high``, shape (high - low + 1,)."""
        t = np.linspace(0.0, 1.0, self.high - self.low + 1)
        entries: NDArray[np.uint16] = np.rint(_bent(t, self.bend) * (2**self.lut_bits - 1)).astype(np.uint16)
        return entries


def choose_grey_scale(rng: Generator) -> GreyScale:
    """Draw bits, photometric interpretation, VOI function, rescale and window."""
    voi = list(VOI_ODDS)[int(rng.choice(len(VOI_ODDS), p=list(VOI_ODDS.values())))]
    bits = int(rng.choice(list(BITS_ODDS), p=list(BITS_ODDS.values())))
    top = 2**bits - 1
    low, high = (0.0, 0.03), (0.97, 1.0)
    if voi != "NONE":
        low, high = (0.06, 0.25), (0.7, 0.93)
    slope, intercept = _choose_rescale(voi, rng)
    return GreyScale(
        bits=bits,
        inverted=bool(rng.random() < MONOCHROME1_ODDS),
        voi=voi,
        slope=slope,
        intercept=intercept,
        low=round(rng.uniform(*low) * top),
        high=round(rng.uniform(*high) * top),
        bend=float(rng.uniform(-0.6, 0.85)),
        lut_bits=int(rng.choice(LUT_BITS)),
    )


def _choose_rescale(voi: Voi, rng: Generator) -> tuple[float | None, float | None]:
    """Mostly none or the identity; a VOI LUT is always indexed by stored values."""
    kind = rng.random()
    slope, intercept = float(rng.choice([0.25, 0.5, 2.0])), float(rng.choice([-1024.0, -512.0, 100.0]))
    if kind < 0.35:
        return None, None
    if kind < 0.8 or voi == "LUT":
        return 1.0, 0.0
    return slope, intercept


def store(picture: NDArray[float32], grey: GreyScale, rng: Generator) -> NDArray[np.uint8 | np.uint16]:
    """Stored values that ``grey`` displays as ``picture``.

    Args:
        picture: shape (rows, columns), in [0, 1], as it should look.
        rng: scatters what is black or white beyond the window.

    Returns:
        Unsigned integers of the same shape, at most ``grey.top``.
    """
    display = 1 - picture if grey.inverted else picture
    stored = grey.low + _undo_voi(display, grey) * (grey.high - grey.low)
    if grey.voi != "NONE":
        stored = _scatter(stored, display, grey, rng)
    kind = np.uint8 if grey.bits == 8 else np.uint16
    return np.clip(np.rint(stored), 0, grey.top).astype(kind)


def _undo_voi(display: NDArray[float32], grey: GreyScale) -> NDArray[float32]:
    """The inverse of the VOI function, from display values to shares of the window, float32."""
    if grey.voi == "SIGMOID":
        # PS3.3, C.11.2.1.3.1: y = 1 / (1 + exp(-4 (x - c) / w)).
        inner = np.clip(display, SIGMOID_EDGE, 1 - SIGMOID_EDGE)
        reach = float32(np.log((1 - SIGMOID_EDGE) / SIGMOID_EDGE))
        logit: NDArray[float32] = np.log(inner / (1 - inner)) / (2 * reach)
        return logit + float32(0.5)
    if grey.voi == "LUT":
        t = np.linspace(0.0, 1.0, 1025)
        return np.interp(display, _bent(t, grey.bend), t).astype(float32)
    # LINEAR (C.11.2.1.2.1) and LINEAR_EXACT (C.11.2.1.3.2) are lines; they differ in where they end.
    return display


def _scatter(
    stored: NDArray[float32], display: NDArray[float32], grey: GreyScale, rng: Generator
) -> NDArray[float32]:
    """Move black and white values outwards: a window that is ignored shows."""
    beyond = rng.random(stored.shape, dtype=float32)
    below = np.where(display <= SATURATED, beyond * grey.low, float32(0))
    above = np.where(display >= 1 - SATURATED, beyond * (grey.top - grey.high), float32(0))
    return stored - below + above


def _bent(t: NDArray[np.float64], bend: float) -> NDArray[np.float64]:
    """A rising curve from (0, 0) to (1, 1), S-shaped for bend > 0; its slope is 1 - bend cos 2πt > 0."""
    return t - bend * np.sin(2 * np.pi * t) / (2 * np.pi)
