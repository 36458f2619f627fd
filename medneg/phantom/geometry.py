"""Where things lie in a phantom: millimetres, soft edges, random textures and strokes.

The origin is the midline (x) and the top of a 400 mm field (y); x grows towards the patient's left, which is
on the picture's right in frontal views, and y grows towards the feet. Nothing here depends on the number of
pixels but the sharpness of an edge, so that one picture looks alike at every size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float32, floating
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Map = NDArray[float32]
Reals = NDArray[floating[Any]]
Point = tuple[float, float]

FIELD = 400.0
"""Millimetres across the shorter edge of a picture, about a 16-inch cassette."""


@dataclass(frozen=True, slots=True)
class Field:
    """The plane of the picture.

    Attributes:
        x: millimetres from the midline, shape (1, columns).
        y: millimetres from the top of the standard field, shape (rows, 1).
        pixel: millimetres per pixel.
        origin: x and y of the upper left corner, in millimetres.
    """

    x: Map
    y: Map
    pixel: float
    origin: Point

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.shape[0], self.x.shape[1]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points (millimetres) with a width (millimetres) and a value at its middle."""

    points: Sequence[Point]
    width: float
    value: float


def field_of(rows: int, columns: int, *, zoom: float = 1.0, shift: Point = (0.0, 0.0)) -> Field:
    """Lay the plane under a picture, its anatomy magnified by ``zoom`` and moved by ``shift`` millimetres."""
    pixel = FIELD / min(rows, columns) / zoom
    left = -columns * pixel / 2 - shift[0]
    top = FIELD / 2 - rows * pixel / 2 - shift[1]
    x = left + (np.arange(columns, dtype=float32) + float32(0.5)) * float32(pixel)
    y = top + (np.arange(rows, dtype=float32) + float32(0.5)) * float32(pixel)
    return Field(x.astype(float32)[None, :], y.astype(float32)[:, None], pixel, (left, top))


def ramp(distance: Reals, width: float) -> Map:
    """A soft edge: 0 where ``distance`` is below -width / 2, 1 above width / 2, smooth between."""
    t = np.multiply(distance, float32(1.0 / width), dtype=float32)
    t += float32(0.5)
    np.clip(t, 0, 1, out=t)
    smooth: Map = t * t
    t *= float32(-2)
    t += float32(3)
    smooth *= t
    return smooth


def bump(distance: Reals, width: float) -> Map:
    """A Gaussian of standard deviation ``width`` around distance 0."""
    z = np.multiply(distance, float32(math.sqrt(0.5) / width), dtype=float32)
    z *= z
    np.negative(z, out=z)
    np.exp(z, out=z)
    return z


def dome(radius: Reals) -> Map:
    """The chord through a unit sphere at a relative distance ``radius`` from its centre, 1 in the middle."""
    t = np.multiply(radius, radius, dtype=float32)
    np.subtract(float32(1), t, out=t)
    np.maximum(t, float32(0), out=t)
    np.sqrt(t, out=t)
    return t


def ellipse(field: Field, centre: Point, axes: Point, *, turn: float = 0.0) -> Map:
    """Distance from the centre of an ellipse in units of its half axes, turned by ``turn`` degrees."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    dx, dy = field.x - float32(centre[0]), field.y - float32(centre[1])
    along = dx * float32(c / axes[0]) + dy * float32(s / axes[0])
    across = dy * float32(c / axes[1]) - dx * float32(s / axes[1])
    along *= along
    across *= across
    along += across
    np.sqrt(along, out=along)
    return along


def texture(field: Field, rng: np.random.Generator, spacing: float) -> Map:
    """Smooth noise of about unit deviation with grains of ``spacing`` millimetres, shape (rows, columns).

    The grains are drawn on a fixed grid in millimetres, so every picture size gets the same ones.
    """
    rows, columns = field.shape
    height, width = rows * field.pixel / spacing, columns * field.pixel / spacing
    grains = rng.standard_normal((math.ceil(height) + 1, math.ceil(width) + 1), dtype=float32)
    smooth = Image.fromarray(grains).resize(
        (columns, rows), Image.Resampling.BICUBIC, box=(0, 0, width, height)
    )
    return np.asarray(smooth) * float32(1.4)


def blurred(picture: Map, sigma: float) -> Map:
    """A wide Gaussian blur (``sigma`` in pixels, several of them), computed on a coarse copy."""
    from scipy.ndimage import gaussian_filter

    rows, columns = picture.shape
    step = max(1.0, sigma / 3.0)
    small = Image.fromarray(picture).resize(
        (max(4, round(columns / step)), max(4, round(rows / step))), Image.Resampling.BOX
    )
    soft = gaussian_filter(np.asarray(small), sigma / step, mode="nearest")
    return np.asarray(Image.fromarray(soft).resize((columns, rows), Image.Resampling.BICUBIC))


def strokes(field: Field, lines: Sequence[Stroke]) -> Map:
    """Paint lines, later ones over earlier ones, with soft edges; shape (rows, columns).

    A thin line's brightness times width is kept at every picture size, but for the width of oblique lines,
    which Pillow rounds to whole subpixels (up to a third too thin at 128 pixels).
    """
    rows, columns = field.shape
    if not lines:
        return np.zeros((rows, columns), dtype=float32)
    fine = max(2, math.ceil(field.pixel / 0.75))
    step = field.pixel / fine
    left, upper = field.origin
    top = max(abs(line.value) for line in lines)
    image = Image.new("L", (columns * fine, rows * fine))
    pen = ImageDraw.Draw(image)
    for line in lines:
        pixels = max(1, round(line.width / step))
        fill = round(255 * min(1.0, abs(line.value) / top * min(1.0, line.width / step / pixels)))
        pen.line([((x - left) / step, (y - upper) / step) for x, y in line.points], fill=fill, width=pixels)
    return np.asarray(image.reduce(fine), dtype=float32) * float32(top / 255)


def polygons(field: Field, shapes: Sequence[Sequence[Point]]) -> Map:
    """Filled polygons, 1 inside and 0 outside, with soft edges."""
    rows, columns = field.shape
    fine = max(2, math.ceil(field.pixel / 0.75))
    step = field.pixel / fine
    image = Image.new("L", (columns * fine, rows * fine))
    left, upper = field.origin
    for corners in shapes:
        flat = [((x - left) / step, (y - upper) / step) for x, y in corners]
        ImageDraw.Draw(image).polygon(flat, fill=255)
    return np.asarray(image.reduce(fine), dtype=float32) * float32(1 / 255)


def curve(points: Sequence[Point], *, steps: int = 12) -> list[Point]:
    """A smooth (Catmull-Rom) line through ``points``, ``steps`` pieces between neighbours."""
    padded = [points[0], *points, points[-1]]
    out: list[Point] = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for k in range(steps):
            t = k / steps
            out.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return [*out, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    cubic = (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3
    return 0.5 * (2 * b + (c - a) * t + cubic)
