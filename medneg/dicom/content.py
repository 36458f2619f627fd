"""What kind of file this is, by its first bytes, and whether it may be read at all."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from medneg.errors import UnreadableImage

Kind = Literal["DICOM", "PNG", "JPEG"]

LARGEST_FILE = 512 * 2**20
"""Bytes. A radiograph of the largest size below, uncompressed, has 100 million."""

LARGEST_PICTURE = 50_000_000
"""Pixels. The largest flat detectors and film digitisers give about 20 million."""

_PREAMBLE = 128
_OPENING_GROUPS = (0x0000, 0x0002, 0x0008)


def recognise(path: Path) -> Kind:
    """Tell DICOM, PNG and JPEG apart by content.

    Args:
        path: any path.

    Returns:
        The kind of file. A DICOM file without preamble (PS3.10 section 7.1) is told by its first element.

    Raises:
        UnreadableImage: the file cannot be opened, is empty, too large, or of another kind.
    """
    try:
        if not path.is_file():
            raise UnreadableImage("it is not a file")
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(_PREAMBLE + 4)
    except OSError as err:
        raise UnreadableImage(f"it cannot be opened: {err.strerror or 'input/output error'}") from err
    if not start:
        raise UnreadableImage("the file is empty")
    if size > LARGEST_FILE:
        raise UnreadableImage(
            f"the file has {size / 2**20:.0f} MiB; a radiograph has less than {LARGEST_FILE // 2**20}"
        )
    kind = _kind(start)
    if kind is None:
        raise UnreadableImage("it is neither DICOM nor PNG nor JPEG")
    return kind


def require_sane_size(rows: int | None, columns: int | None) -> None:
    """Refuse dimensions that no radiograph has, before anything is allocated for them.

    Raises:
        UnreadableImage: a side is missing or not positive, or the picture is too large.
    """
    if not rows or not columns or rows < 1 or columns < 1:
        raise UnreadableImage("it does not say how many rows and columns its picture has")
    if rows * columns > LARGEST_PICTURE:
        raise UnreadableImage(
            f"it claims {rows} x {columns} pixels; no radiograph has over {LARGEST_PICTURE // 10**6} million"
        )


def _kind(start: bytes) -> Kind | None:
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start[_PREAMBLE:] == b"DICM" or _is_bare_dataset(start):
        return "DICOM"
    return None


def _is_bare_dataset(start: bytes) -> bool:
    """Whether the bytes open with a data element of a group that a DICOM dataset can begin with."""
    if len(start) < 8:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(start[:2], order)
        element = int.from_bytes(start[2:4], order)
        explicit = start[4:6].isalpha() and start[4:6].isupper()
        length = int.from_bytes(start[6:8] if explicit else start[4:8], order)
        # The elements that may come first (group length, UIDs, character set) hold less than this.
        if group in _OPENING_GROUPS and element < 0x0100 and length < 1024:
            return True
    return False
