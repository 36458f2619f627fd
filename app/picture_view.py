"""The workstation's arithmetic: window, invert, zoom, and the picture that the browser gets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONGEST_SIDE = 1600
"""Pixels of the picture that is sent; more than most screens give it."""

LIMITS: dict[str, tuple[int, int] | tuple[float, float]] = {
    "window": (5, 200),
    "level": (0, 100),
    "zoom": (1.0, 6.0),
    "across": (0, 100),
    "down": (0, 100),
}
"""The lowest and the highest that each number of a ``Look`` can be set to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How an image is looked at.

    Attributes:
        window, level: width and centre of the grey values that are spread from black to white, in
            hundredths of the image's full range.
        inverted: bone dark.
        zoom: 1 shows the whole image.
        across, down: where the middle of the part shown lies, in hundredths of the image.
    """

    window: int = 100
    level: int = 50
    inverted: bool = False
    zoom: float = 1.0
    across: int = 50
    down: int = 50


def windowed(pixels: NDArray[np.float32], look: Look) -> NDArray[np.float32]:
    """Spread the window over black to white, then invert; shape (rows, columns), in [0, 1].

    Example:
        >>> windowed(np.float32([[0.25, 0.5, 0.75]]), Look(window=50, level=50, inverted=True))
        array([[1. , 0.5, 0. ]], dtype=float32)
    """
    width = max(look.window, 1) / 100
    low = look.level / 100 - width / 2
    grey: NDArray[np.float32] = np.clip((pixels - np.float32(low)) / np.float32(width), 0, 1)
    return 1 - grey if look.inverted else grey


def part(shape: tuple[int, int], look: Look) -> tuple[slice, slice]:
    """Rows and columns that a zoom leaves, moved inside the image.

    Example:
        >>> part((100, 200), Look(zoom=2.0, across=100, down=0))
        (slice(0, 50, None), slice(100, 200, None))
    """
    return _side(shape[0], look.zoom, look.down), _side(shape[1], look.zoom, look.across)


def render(pixels: NDArray[np.float32], look: Look, over: Sequence[bytes] = ()) -> bytes:
    """Make the JPEG of an image as it is looked at.

    Args:
        pixels: shape (rows, columns), in [0, 1], bone bright.
        look: window, invert, zoom.
        over: transparent pictures of the whole image, of any size, to be laid over it.
    """
    rows, columns = part(pixels.shape, look)
    image = Image.fromarray((windowed(pixels[rows, columns], look) * 255 + 0.5).astype(np.uint8))
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    for layer in over:
        image = _laid(Image.open(io.BytesIO(layer)), image, pixels.shape, (rows, columns))
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=92)
    return kept.getvalue()


def _laid(
    layer: Image.Image, image: Image.Image, shape: tuple[int, ...], seen: tuple[slice, slice]
) -> Image.Image:
    """The image under the part of a layer that belongs to what is seen of it."""
    down, across = layer.height / shape[0], layer.width / shape[1]
    rows, columns = seen
    box = (columns.start * across, rows.start * down, columns.stop * across, rows.stop * down)
    cut = layer.resize(image.size, Image.Resampling.BILINEAR, box=box)
    return Image.alpha_composite(image.convert("RGBA"), cut).convert("RGB")


def _side(length: int, zoom: float, middle: int) -> slice:
    size = max(round(length / max(zoom, 1.0)), 1)
    start = round(length * middle / 100 - size / 2)
    start = min(max(start, 0), length - size)
    return slice(start, start + size)
