"""Whether a frontal chest picture is a negative of what it should be.

A secondary capture holds what a converter took off some screen or film, and its Photometric
Interpretation is second-hand: copies exist whose tag says MONOCHROME1 over pixels with bone bright. For
these objects, and only these, the picture is asked too. CR and DX objects are believed.
"""

from __future__ import annotations

import numpy as np
from numpy import float32
from numpy.typing import NDArray

CERTAIN = 1.0
"""Evidence beyond which a picture is taken for a negative.

The 827 frontal radiographs of ``docs/explanation/grey-scale.md`` have evidence between 0.2 and 7 as they
should be, so none is turned wrongly and 99 % of their negatives would be found.
"""

_GRID = 128
# Regions as (top, bottom, left, right) in 64ths of the picture.
_MIDDLE = (12, 52, 28, 36)
_LUNGS = ((14, 38, 12, 24), (14, 38, 40, 52))
_BELOW = (50, 62, 12, 52)
_CORNERS = ((0, 5, 0, 5), (0, 5, 59, 64))


def is_negative(pixels: NDArray[float32]) -> bool:
    """Whether a frontal chest picture shows bone dark beyond doubt.

    Args:
        pixels: shape (rows, columns), meant to have bone bright.
    """
    return evidence(pixels) < -CERTAIN


def evidence(pixels: NDArray[float32]) -> float:
    """How much a picture looks like a frontal chest with bone bright; the negative's is the opposite.

    The mediastinum and the abdomen are brighter than the lungs, the corners beside the neck are darker
    than the rest; the three differences are added in units of the picture's standard deviation.

    Args:
        pixels: shape (rows, columns).

    Returns:
        A number above 0 for bone bright, below 0 for bone dark, 0 for a blank picture.
    """
    rows, columns = pixels.shape
    sample = pixels[:: max(1, rows // _GRID), :: max(1, columns // _GRID)].astype(np.float64)
    spread = float(sample.std())
    if spread == 0.0:
        return 0.0
    lungs = np.mean([_mean(sample, box) for box in _LUNGS])
    corners = np.mean([_mean(sample, box) for box in _CORNERS])
    signs = (_mean(sample, _MIDDLE) - lungs) + (_mean(sample, _BELOW) - lungs) + (sample.mean() - corners)
    return float(signs) / spread


def _mean(sample: NDArray[np.float64], box: tuple[int, int, int, int]) -> float:
    rows, columns = sample.shape
    top, bottom = box[0] * rows // 64, max(box[1] * rows // 64, box[0] * rows // 64 + 1)
    left, right = box[2] * columns // 64, max(box[3] * columns // 64, box[2] * columns // 64 + 1)
    return float(sample[top:bottom, left:right].mean())
