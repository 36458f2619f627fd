"""Windows: from a range of values to grey in [0, 1] (PS3.3 C.11.2.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

TAIL = 0.01
"""Share of the pixels beyond each end of a percentile window: collimator edges, markers, metal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A centre, a width and the function between them.

    Raises:
        ValueError: the width is less than 1 (LINEAR) or not above 0 (the others).
    """

    center: float
    width: float
    function: Function = "LINEAR"

    def __post_init__(self) -> None:
        if not (self.width >= 1 if self.function == "LINEAR" else self.width > 0):
            least = ">= 1" if self.function == "LINEAR" else "> 0"
            raise ValueError(f"the width of a {self.function} window must be {least}; got {self.width!r}")

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Grey in [0, 1] for each value."""
        with np.errstate(over="ignore"):  # far beyond a narrow window is black or white all the same
            if self.function == "SIGMOID":
                return _sigmoid(values, self.center, self.width)
            if self.function == "LINEAR_EXACT":
                return np.clip((values - self.center) / self.width + 0.5, 0.0, 1.0)
            return _linear(values, self.center, self.width)


def _linear(values: NDArray[np.float64], center: float, width: float) -> NDArray[np.float64]:
    # C.11.2.1.2.1: x <= c - 0.5 - (w-1)/2 -> 0; x > c - 0.5 + (w-1)/2 -> 1; else between.
    if width == 1:
        return np.where(values > center - 0.5, 1.0, 0.0)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0.0, 1.0)


def _sigmoid(values: NDArray[np.float64], center: float, width: float) -> NDArray[np.float64]:
    # C.11.2.1.3.1: y = 1 / (1 + exp(-4 (x - c) / w)); beyond ±50 it is 0 or 1 to the last bit.
    return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -50.0, 50.0)))


def percentile_window(values: NDArray[np.float64], counts: NDArray[np.int64]) -> Window | None:
    """The window that leaves one pixel in a hundred beyond each of its ends.

    Both ends are values that occur, found by the same rule from below and from above, so that a
    picture and its negative get the same window.

    Args:
        values: shape (v,), the values that may occur.
        counts: shape (v,), how many pixels have each.

    Returns:
        A LINEAR_EXACT window, or None when all pixels have the same value.
    """
    occurring = np.flatnonzero(counts)
    order = occurring[np.argsort(values[occurring], kind="stable")]
    ordered, weights = values[order], counts[order]
    if not len(ordered) or ordered[0] == ordered[-1]:
        return None
    beyond = TAIL * weights.sum()
    low = ordered[np.searchsorted(np.cumsum(weights), beyond, side="right")]
    high = ordered[::-1][np.searchsorted(np.cumsum(weights[::-1]), beyond, side="right")]
    if low >= high:  # nearly all pixels are alike; what differs is the picture
        low, high = ordered[0], ordered[-1]
    return Window(center=float(low + high) / 2, width=float(high - low), function="LINEAR_EXACT")
