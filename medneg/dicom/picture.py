"""PNG and JPEG files: pixels that are already grey values."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medneg.dicom.content import Kind, require_sane_size
from medneg.dicom.tables import count, look_up
from medneg.dicom.window import percentile_window
from medneg.errors import UnreadableImage

MOST_COLOUR = 0.06
"""Mean distance between a pixel's strongest and weakest channel, above which a picture is coloured."""

_DAMAGED = "its picture cannot be decoded: the file is truncated or damaged"


def read_picture(path: Path, kind: Kind) -> tuple[NDArray[np.float32], str, dict[str, str]]:
    """Read a PNG or JPEG as a radiograph with bone bright.

    Eight bits are taken as they are; sixteen get a percentile window, because writers use part of
    their range.

    Args:
        path: the file.
        kind: "PNG" or "JPEG".

    Returns:
        float32 pixels (rows, columns) in [0, 1], the steps in words, and header fields.

    Raises:
        UnreadableImage: it is coloured, blank, damaged, too large or has more than one frame.
    """
    pixels, mode = _decode(path, kind)
    deep = pixels.dtype != np.uint8
    if pixels.ndim == 3:
        pixels = _grey(pixels)
    if pixels.min() == pixels.max():
        raise UnreadableImage("all its pixels have the same value: it shows nothing")
    header = {"Format": kind, "Rows": str(pixels.shape[0]), "Columns": str(pixels.shape[1]), "Mode": mode}
    if not deep:
        return pixels.astype(np.float32) / np.float32(255), "8 bits as they are", header
    return _windowed(pixels.astype(np.uint16, copy=False)), "percentile window 1-99 %", header


def _decode(path: Path, kind: Kind) -> tuple[NDArray[np.generic], str]:
    """Samples and Pillow's mode: uint8 (rows, columns[, 3]), or uint16 for deep grey."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata and of sizes that are checked here
        try:
            with Image.open(path, formats=(kind,)) as image:
                require_sane_size(image.height, image.width)
                frames = getattr(image, "n_frames", 1)
                if frames > 1:
                    raise UnreadableImage(f"it holds {frames} frames; a radiograph has one")
                return _samples(image), image.mode
        except UnreadableImage:
            raise
        except Image.DecompressionBombError:
            raise UnreadableImage("it claims more pixels than any radiograph has") from None
        except Exception:  # Pillow's plugins raise many kinds of errors on damaged files
            raise UnreadableImage(_DAMAGED) from None


def _samples(image: Image.Image) -> NDArray[np.generic]:
    if image.mode.startswith("I"):  # "I;16" and its relatives; PNG knows no deeper ones
        return np.asarray(np.clip(np.asarray(image), 0, 2**16 - 1), dtype=np.uint16)
    return np.asarray(image.convert("L" if image.mode in ("L", "1", "LA") else "RGB"))


def _grey(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey of an RGB picture whose channels (nearly) agree."""
    channels = samples.astype(np.int16)
    spread = channels.max(axis=2) - channels.min(axis=2)
    if spread.mean() > 255 * MOST_COLOUR:
        raise UnreadableImage("it is a colour picture, not a radiograph")
    return np.asarray(np.rint(channels.mean(axis=2)), dtype=np.uint8)


def _windowed(deep: NDArray[np.uint16]) -> NDArray[np.float32]:
    counts = count(deep)
    values = np.arange(2**16, dtype=np.float64)
    window = percentile_window(values, counts)
    assert window is not None  # a blank picture was refused before
    table: NDArray[np.float32] = window(values).astype(np.float32)
    return look_up(table, deep)
