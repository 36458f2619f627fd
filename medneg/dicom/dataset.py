"""A DICOM file becomes a pydicom dataset, with or without the parts that the standard asks for."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medneg.errors import UnreadableImage

LARGEST_INFLATED = 2**28
"""Bytes of a deflated dataset once inflated; twice what the largest picture needs."""

_NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
_DAMAGED = "it looks like DICOM, but its elements cannot be read: the file is damaged"


@contextmanager
def tolerance() -> Iterator[None]:
    """Read odd files in silence: pydicom neither validates values nor warns of them.

    Its warnings quote values, which may be personal; what matters of them becomes a reason of ours.
    """
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore", UserWarning)
        yield


def open_header(path: Path) -> Dataset:
    """Read everything before the pixels.

    Args:
        path: a file that ``content.recognise`` calls DICOM.

    Raises:
        UnreadableImage: it is no DICOM after all, or damaged.
    """
    _refuse_inflation(path)
    return _open(path, stop_before_pixels=True)


def open_whole(path: Path, header: Dataset) -> Dataset:
    """Read the file with its pixels, still encoded.

    Args:
        path: the file.
        header: what ``open_header`` found in it.

    Raises:
        UnreadableImage: it is damaged or ends early.
    """
    dataset = _open(path, stop_before_pixels=False)
    # At an unexpected end pydicom drops what it has read so far, and says nothing.
    if len(dataset) < len(header):
        raise UnreadableImage("the file ends in the middle of its pixels: it is truncated")
    return dataset


def transfer_syntax(dataset: Dataset) -> UID:
    """The transfer syntax of an opened file; guessed from its encoding when the meta header lacks it."""
    named = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if named:
        return UID(str(named))
    implicit, little = dataset.original_encoding
    if not little:
        return ExplicitVRBigEndian
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def is_encapsulated(dataset: Dataset) -> bool:
    """Whether the pixel data are compressed; an unknown transfer syntax counts as a compression."""
    return transfer_syntax(dataset) not in _NATIVE


def _open(path: Path, *, stop_before_pixels: bool) -> Dataset:
    try:
        # force: PS3.10 asks for a preamble and a meta header; old files lack both.
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=stop_before_pixels)
        dataset.file_meta = getattr(dataset, "file_meta", FileMetaDataset())
        dataset.file_meta.TransferSyntaxUID = transfer_syntax(dataset)
    except Exception:  # pydicom raises nearly anything on damaged files, quoting values: keep none of it
        raise UnreadableImage(_DAMAGED) from None
    return dataset


def _refuse_inflation(path: Path) -> None:
    """Refuse a deflated dataset (PS3.5 section A.5) that grows beyond what a file may have."""
    with path.open("rb") as stream:
        start = stream.read(2048)
        if DeflatedExplicitVRLittleEndian.encode() not in start:
            return
        # PS3.10 section 7.1: (0002,0000) follows the prefix and holds the length of what is not deflated.
        stream.seek(144 + int.from_bytes(start[140:144], "little"))
        inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        try:
            while chunk := inflater.unconsumed_tail or stream.read(2**16):
                size += len(inflater.decompress(chunk, 2**20))
                if size > LARGEST_INFLATED:
                    raise UnreadableImage("its deflated content grows beyond all measure")
        except zlib.error:
            raise UnreadableImage(_DAMAGED) from None
