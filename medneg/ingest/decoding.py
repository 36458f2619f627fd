"""What happens to one file in a worker process: it is hashed, read, and brought to the encoder's input."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medneg.archive import FileStamp
from medneg.errors import UnreadableImage
from medneg.values import InputSpec, Radiograph

THUMBNAIL_SIDE = 256
_ROWS = 32
SLOW_IMPORTS = ("medneg.ingest.decoding", "medneg.dicom.reader", "medneg.dicom.preparation")
"""Modules that ``read_file`` needs."""


def read_file(job: Job) -> Prepared:
    """Read one file and bring it to the encoder's input.

    What cannot be read comes back with its reason, not as an error.
    """
    from medneg.dicom import prepare, read

    path = Path(job.path)
    try:
        status = path.stat()
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Prepared(reason=f"it cannot be opened: {error.strerror or 'input/output error'}")
    stamp = FileStamp(path=job.path, sha256=sha256, size=status.st_size, mtime_ns=status.st_mtime_ns)
    if sha256 in job.known:
        return Prepared(stamp=stamp, known=True)
    try:
        radiograph = read(path, key=job.key)
        picture = prepare(radiograph, job.spec)
    except UnreadableImage as error:
        return Prepared(stamp=stamp, reason=error.reason)
    rows, columns = radiograph.pixels.shape
    return Prepared(
        stamp=stamp,
        radiograph=replace(radiograph, pixels=picture, header=dict(radiograph.header)),
        rows=rows,
        columns=columns,
        thumbnail=make_thumbnail(radiograph),
    )


def make_thumbnail(radiograph: Radiograph) -> bytes:
    """A grey JPEG of the pixels alone, at most 256 pixels wide or high."""
    from PIL import Image

    picture = Image.fromarray(_eight_bits(radiograph.pixels))
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BICUBIC, reducing_gap=2)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _eight_bits(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pixels in [0, 1] in steps of 1/255, some rows at a time: what lies between stays in the cache."""
    eight = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), _ROWS):
        some = pixels[start : start + _ROWS] * np.float32(255)
        eight[start : start + _ROWS] = np.rint(some, out=some)
    return eight


def warm_up() -> None:
    """Have everything imported before the clock of a file runs; one thread per process is enough."""
    import torch

    from medneg.dicom import preparation, reader  # noqa: F401

    torch.set_num_threads(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file to read: the archive's secret, the encoder's input, and contents that need no reading.

    ``was`` is the content that the path held when it was embedded, ``known`` all contents of that size.
    """

    path: str
    key: bytes
    spec: InputSpec
    was: str | None = None
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """What became of a file: a radiograph at the encoder's size, known content, or a reason."""

    stamp: FileStamp | None = None
    radiograph: Radiograph | None = None
    rows: int = 0
    columns: int = 0
    thumbnail: bytes = b""
    known: bool = False
    reason: str | None = None
