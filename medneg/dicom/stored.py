"""The stored values of a picture: decoded, checked against the header, and described bit by bit."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from medneg.dicom.codestream import picture_size
from medneg.dicom.dataset import is_encapsulated, transfer_syntax
from medneg.dicom.elements import integer, value
from medneg.dicom.quiet import muted_stderr
from medneg.errors import UnreadableImage

# Against GDCM, pydicom's first choice: Pillow takes a fifth of its time, OpenJPEG two thirds.
_FASTEST = {JPEGBaseline8Bit: "pillow", JPEG2000: "pylibjpeg", JPEG2000Lossless: "pylibjpeg"}
_TRUNCATED = "its pixel data are shorter than its header promises: the file is truncated"
_UNDECODABLE = "its picture cannot be decoded: the compressed data are damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one stored value lies in its cell (PS3.5 section 8.1.1).

    Attributes:
        allocated: width of the cell in bits, 8 or 16.
        stored: bits of it that count.
        high: position of the highest of them.
        signed: whether they are a two's complement.
    """

    allocated: int
    stored: int
    high: int
    signed: bool

    @property
    def lowest(self) -> int:
        """The smallest value that can be stored."""
        return -(1 << (self.stored - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest value that can be stored."""
        return self.lowest + (1 << self.stored) - 1

    def values(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """The value that each cell content stands for; the other bits of the cell are ignored."""
        values = (cells >> (self.high + 1 - self.stored)) & (2**self.stored - 1)
        if self.signed:
            values = np.where(values >= 2 ** (self.stored - 1), values - 2**self.stored, values)
        return np.asarray(values, dtype=np.int64)


def layout(dataset: Dataset) -> Layout:
    """Read the layout from the header, repairing what cannot be meant.

    Raises:
        UnreadableImage: the cells are not said to be 8 or 16 bits wide.
    """
    allocated = integer(dataset, "BitsAllocated")
    if allocated is None:
        raise UnreadableImage("it does not say how many bits a pixel has: its header is truncated or damaged")
    if allocated not in (8, 16):
        raise UnreadableImage(f"it has {allocated} bits per pixel; a radiograph has 8 or 16")
    stored = integer(dataset, "BitsStored") or allocated
    stored = stored if 1 <= stored <= allocated else allocated
    high = integer(dataset, "HighBit")
    # A compressed value comes out of its decoder right-aligned, wherever it lay before.
    if high is None or not stored - 1 <= high < allocated or is_encapsulated(dataset):
        high = stored - 1
    return Layout(
        allocated=allocated,
        stored=stored,
        high=high,
        signed=integer(dataset, "PixelRepresentation") == 1,
    )


def decode(dataset: Dataset, described: Layout) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Decode the picture to the contents of its cells.

    Args:
        dataset: an admitted dataset with its pixel data.
        described: its layout.

    Returns:
        Unsigned cell contents, shape (rows, columns); ``described`` says what they mean.

    Raises:
        UnreadableImage: there are no pixel data, they are truncated or damaged, or their compression
            is not known.
    """
    rows, columns = integer(dataset, "Rows") or 0, integer(dataset, "Columns") or 0
    decoder = _decoder(dataset)
    _require_pixels(dataset, rows, columns, described)
    _describe(dataset, rows, columns, described)
    pixels = _decoded(dataset, decoder)
    native = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
    cells = native.view(f"u{native.dtype.itemsize}")
    if cells.shape != (rows, columns) or cells.dtype.itemsize * 8 != described.allocated:
        raise UnreadableImage(_UNDECODABLE)
    return cells


def _describe(dataset: Dataset, rows: int, columns: int, described: Layout) -> None:
    """Write what was understood over what the header says, for pydicom reads it again and less kindly."""
    numbers = {
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 1,
        "BitsAllocated": described.allocated,
        "BitsStored": described.stored,
        "PixelRepresentation": int(described.signed),
    }
    for keyword, understood in numbers.items():
        dataset.add_new(keyword, "US", understood)
    dataset.add_new("NumberOfFrames", "IS", "1")


def _decoder(dataset: Dataset) -> Decoder:
    syntax = transfer_syntax(dataset)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise UnreadableImage("its picture is compressed in a way that is not known here") from None
    if not decoder.is_available:
        raise UnreadableImage(
            f"its picture is compressed as {syntax.name}, for which no decoder is installed"
        )
    return decoder


def _decoded(dataset: Dataset, decoder: Decoder) -> NDArray[Any]:
    # The layout's table passes over unused bits for free; pydicom need not shift them out.
    options: Any = {"raw": True, "index": 0, "correct_unused_bits": False}
    with muted_stderr() if is_encapsulated(dataset) else nullcontext():
        for plugin in _plugins(decoder):
            try:
                return decoder.as_array(dataset, decoding_plugin=plugin, **options)[0]
            except (KeyboardInterrupt, SystemExit):
                raise
            # Each decoder has its own errors, and a panic of Rust's is no Exception; their words help nobody.
            except BaseException:
                continue
    raise UnreadableImage(_UNDECODABLE)


def _plugins(decoder: Decoder) -> tuple[str, ...]:
    """The fastest decoder where it is installed, then all in pydicom's order (the empty name)."""
    fastest = _FASTEST.get(decoder.UID, "")
    return (fastest, "") if fastest in decoder.available_plugins else ("",)


def _require_pixels(dataset: Dataset, rows: int, columns: int, described: Layout) -> None:
    data = value(dataset, "PixelData")
    if not isinstance(data, bytes) or not data:
        raise UnreadableImage("it has a header but no pixels")
    if not is_encapsulated(dataset):
        if len(data) * 8 < rows * columns * described.allocated:
            raise UnreadableImage(_TRUNCATED)
        return
    if transfer_syntax(dataset) == RLELossless:
        return
    size = picture_size(_first_frame(data))
    if size is None:
        raise UnreadableImage(_UNDECODABLE)
    if size != (rows, columns):
        raise UnreadableImage(
            f"its header says {rows} x {columns} pixels, its compressed picture {size[0]} x {size[1]}"
        )


def _first_frame(data: bytes) -> bytes:
    try:
        return next(generate_frames(data, number_of_frames=1))
    except Exception:  # damaged encapsulation (PS3.5 section A.4) fails in many ways
        raise UnreadableImage(_UNDECODABLE) from None
