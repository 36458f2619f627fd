"""What a compressed picture says of its own size, read from its first bytes without decoding it.

A decoder allocates what the codestream claims, not what the DICOM header claims; so both are looked at first.
"""

from __future__ import annotations

import struct

_SOI, _SOC = b"\xff\xd8", b"\xff\x4f\xff\x51"
_JP2 = b"\x00\x00\x00\x0cjP  "
# ITU-T T.81 table B.1: start of frame; C4, C8 and CC are no frames. T.87: F7 is JPEG-LS's.
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}


def picture_size(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 codestream declares.

    Args:
        stream: the codestream, or at least its headers.

    Returns:
        (rows, columns), or None when the stream is of another kind or its header is damaged.
    """
    if stream.startswith(_JP2):
        start = stream.find(_SOC)
        stream = stream[start:] if start > 0 else b""
    size = None
    if stream.startswith(_SOC):
        size = _jpeg2000_size(stream)
    elif stream.startswith(_SOI):
        size = _jpeg_size(stream)
    return size if size and min(size) > 0 else None


def _jpeg2000_size(stream: bytes) -> tuple[int, int] | None:
    # ITU-T T.800 A.5.1, SIZ: Lsiz, Rsiz, Xsiz, Ysiz, XOsiz, YOsiz; the picture is what the offsets leave.
    if len(stream) < 24:
        return None
    width, height, left, top = struct.unpack_from(">4I", stream, 8)
    return height - top, width - left


def _jpeg_size(stream: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(stream):
        if stream[position] != 0xFF:
            return None
        marker = stream[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _STANDALONE:
            position += 2
        elif marker in _FRAMES:
            rows, columns = struct.unpack_from(">2H", stream, position + 5)
            return rows, columns
        else:
            (length,) = struct.unpack_from(">H", stream, position + 2)
            position += 2 + max(int(length), 2)
    return None
