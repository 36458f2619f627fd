"""Which regions of some images speak for what is wanted and for what is not: pictures for the page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.diagnostics.prompts import Prompt
from medneg.errors import EncoderError, UnreadableImage

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.diagnostics.maps import RegionMap
    from medneg.encoders import Encoder

Progress = Callable[[int, int], None]
SIDE = 256
"""Longest side of a picture, pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One mention's map over an image, as a JPEG in base64; ``score`` is the cosine of image and mention."""

    words: str
    negated: bool
    score: float
    jpeg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """An image that shows both findings of "A but no B", with a map of each."""

    image: int
    words: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """Some images with their maps; ``refused`` says why there are none, where that is so."""

    rows: tuple[RegionRow, ...]
    refused: str | None = None


def show_regions(
    encoder: Encoder,
    prompts: Sequence[Prompt],
    archive: Archive,
    ids: Sequence[int],
    *,
    count: int,
    progress: Progress | None = None,
) -> Regions:
    """Map the wanted and the unwanted finding of some questions in an image that shows both.

    Args:
        encoder: to be seen inside of.
        prompts: drawn on the images.
        archive: knows the images' files.
        ids: keys of the images, in the prompts' order.
        count: of images, at most.
        progress: called with (done, total) images.
    """
    from medneg.diagnostics.attribution import inside

    try:
        inside(encoder)
        rows = []
        for prompt, row in _chosen(prompts, count):
            rows.append(_row(encoder, prompt, archive, ids[row]))
            if progress is not None:
                progress(len(rows), count)
    except (EncoderError, UnreadableImage) as refused:
        return Regions(rows=(), refused=str(refused))
    return Regions(rows=tuple(rows))


def _chosen(prompts: Sequence[Prompt], count: int) -> Iterator[tuple[Prompt, int]]:
    """Questions evenly spread over the pairs, each with the first image of its pools that shows both."""
    asked = [prompt for prompt in prompts if prompt.group == ("A but no B", "structured")]
    for place in np.unique(np.linspace(0, len(asked) - 1, min(count, len(asked))).astype(int)):
        both = np.flatnonzero(asked[place].wanted & asked[place].excluded)
        yield asked[place], int(both[0])


def _row(encoder: Encoder, prompt: Prompt, archive: Archive, image: int) -> RegionRow:
    from medneg.diagnostics.maps import mention_maps, strongest_of
    from medneg.dicom import prepare, read

    path = Path(archive.images([image])[0].path)
    if not path.is_file():
        raise UnreadableImage("the archive's files are not on this machine any more, and maps need them")
    radiograph = read(path, key=archive.pseudonym_key)
    pixels = prepare(radiograph, encoder.card.input)
    maps = mention_maps(encoder, pixels, prompt.query, shape=radiograph.pixels.shape)
    strongest = strongest_of(maps)
    return RegionRow(
        image=image,
        words=prompt.query.raw,
        regions=tuple(
            Region(
                words=each.text,
                negated=each.polarity == "negated",
                score=each.score,
                jpeg=_picture(radiograph.pixels, each, strongest),
            )
            for each in maps
        ),
    )


def _picture(pixels: NDArray[float32], found: RegionMap, strongest: float) -> str:
    """The radiograph under its map."""
    from PIL import Image

    from medneg.diagnostics.maps import overlay

    grey = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    grey.thumbnail((SIDE, SIDE))
    with Image.open(BytesIO(overlay(found.values, found.polarity, strongest=strongest))) as colours:
        over = colours.convert("RGBA").resize(grey.size)
    held = BytesIO()
    Image.alpha_composite(grey.convert("RGBA"), over).convert("RGB").save(held, "JPEG", quality=85)
    return base64.b64encode(held.getvalue()).decode("ascii")
