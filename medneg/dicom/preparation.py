"""From a radiograph to the square that an image tower wants, with MONAI transforms."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from medneg.dicom.transforms import Compose, SpatialPad, Transform
from medneg.values import GREY_SCALE_CHAIN, InputSpec, Radiograph


def prepare(radiograph: Radiograph, spec: InputSpec) -> NDArray[float32]:
    """Resize the long side to ``spec.size`` and pad with black; see ``medneg.dicom.prepare``."""
    if spec.chain != GREY_SCALE_CHAIN:
        raise ValueError(
            f"this version makes pixels with the grey-scale chain {GREY_SCALE_CHAIN!r}; the input asks for "
            f"{spec.chain!r}: embed the archive again with an encoder of this version"
        )
    channels = torch.from_numpy(np.ascontiguousarray(radiograph.pixels))[None]
    prepared: NDArray[float32] = np.asarray(_pipeline(spec.size, spec.interpolation)(channels))[0]
    return prepared


@functools.lru_cache(maxsize=8)
def _pipeline(size: int, interpolation: str) -> Compose:
    return Compose([ResizeLongSide(size, interpolation), SpatialPad((size, size), method="symmetric")])


class ResizeLongSide(Transform):  # type: ignore[misc]  # MONAI is untyped
    """Resize a (channels, rows, columns) picture so that its long side is ``size``, keeping its aspect.

    MONAI's Resize filters with a Gaussian of the full picture's size before it samples, which takes
    most of a second for a detector's picture; here the interpolation kernel itself widens with the
    reduction (``antialias``), as Pillow's does.

    Args:
        size: pixels of the long side.
        interpolation: "bilinear", "bicubic" or "area".
    """

    def __init__(self, size: int, interpolation: str) -> None:
        self.size, self.interpolation = size, interpolation

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        """float32 in [0, 1]; bicubic overshoot is clipped."""
        rows, columns = img.shape[-2:]
        scale = self.size / max(rows, columns)
        shape = (max(1, round(rows * scale)), max(1, round(columns * scale)))
        if self.interpolation == "area":
            return interpolate(img[None], size=shape, mode="area")[0]
        resized = interpolate(
            img[None], size=shape, mode=self.interpolation, align_corners=False, antialias=True
        )
        return resized[0].clamp_(0.0, 1.0)
