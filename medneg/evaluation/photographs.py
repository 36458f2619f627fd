"""Embedding the pictures of a published benchmark: grey, one by one or as frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.dicom import prepare
from medneg.errors import UnreadableImage
from medneg.values import InputSpec, Radiograph

if TYPE_CHECKING:
    from medneg.encoders import Encoder

FRAMES = 4
"""Frames of a video, evenly spread, as SpaceVLM takes them."""

SUFFIXES = (".jpg", ".jpeg", ".png")
_BATCH = 32


def embed(
    names: Sequence[str],
    folder: Path,
    encoder: Encoder,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[float32]:
    """Unit embeddings, shape (n, d), of the pictures that a table names.

    Args:
        names: as the table writes them; the longest end of each that exists under ``folder`` is taken.
        folder: where the pictures are. A video is a folder of frames under its name without ending.
        encoder: sees them in grey, as it sees radiographs.
        progress: called with (done, total) pictures.

    Raises:
        UnreadableImage: if a picture is missing or cannot be read.
    """
    rows = []
    for done in range(0, len(names), _BATCH):
        files = [find(name, folder) for name in names[done : done + _BATCH]]
        pixels = [grey(file, encoder.card.input) for some in files for file in some]
        vectors = encoder.encode_images(np.stack(pixels))
        ends = np.cumsum([len(some) for some in files])
        for start, end in zip((0, *ends[:-1]), ends, strict=True):
            mean = vectors[start:end].mean(axis=0, dtype=np.float64)
            rows.append(vectors[start] if end == start + 1 else (mean / np.linalg.norm(mean)).astype(float32))
        if progress is not None:
            progress(min(done + _BATCH, len(names)), len(names))
    return np.stack(rows)


def find(name: str, folder: Path) -> list[Path]:
    """The file of a picture, or the chosen frames of a video, always under ``folder``.

    Raises:
        UnreadableImage: if there is none.
    """
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    for start in range(len(parts)):
        place = folder.joinpath(*parts[start:])
        if place.is_file():
            return [place]
        frames = _frames(place.with_suffix("")) if place.suffix else _frames(place)
        if frames:
            return frames
    raise UnreadableImage(f"no picture {name!r} under {folder}")


def _frames(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in SUFFIXES)
    chosen = np.linspace(0, len(files) - 1, min(FRAMES, len(files))).astype(int) if files else ()
    return [files[number] for number in chosen]


def grey(file: Path, spec: InputSpec) -> NDArray[float32]:
    """A picture's luma at an encoder's input size, shape (size, size), in [0, 1].

    Raises:
        UnreadableImage: if it cannot be decoded.
    """
    from PIL import Image

    try:
        with Image.open(file, formats=("PNG", "JPEG")) as picture:
            pixels = np.asarray(picture.convert("L"), float32) / float32(255)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise UnreadableImage(f"{file.name} cannot be decoded as PNG or JPEG") from None
    return prepare(Radiograph(pixels=pixels, patient="", study="", image=file.name), spec)
