"""A DICOM file becomes a pydicom dataset, with or without the parts that the standard asks for."""

from __future__ import annotations

import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset
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
    """Read odd files in silence: pydicom neither validates values, nor warns of them, nor logs them.

    Its words quote values, which may be personal; what matters of them becomes a reason of ours.
    """
    logger = logging.getLogger("pydicom")
    silent, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), pydicom.config.disable_value_validation():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logger.disabled = silent


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A file that has been read up to its pixels.

    Attributes:
        header: everything before the pixels.
        stream: the file, standing at the pixel data.
    """

    header: Dataset
    stream: BinaryIO

    def read_pixels(self) -> Dataset:
        """Read on, and add what follows to ``header``; the pixels are still encoded.

        Raises:
            UnreadableImage: the file ends early, or is damaged.
        """
        implicit, little = self.header.original_encoding
        at_end = not self.stream.peek(1)  # type: ignore[attr-defined]
        try:
            if transfer_syntax(self.header) == DeflatedExplicitVRLittleEndian:
                self.stream.seek(0)
                return _parse(self.stream, stop_before_pixels=False)
            self.header.update(read_dataset(self.stream, bool(implicit), bool(little)))
        except Exception:  # as in open_header
            raise UnreadableImage(_DAMAGED) from None
        # At an unexpected end pydicom drops what it has read so far, and says nothing.
        if not at_end and "PixelData" not in self.header:
            raise UnreadableImage("the file ends in the middle of its pixels: it is truncated")
        return self.header


@contextmanager
def open_header(path: Path) -> Iterator[Opened]:
    """Read everything before the pixels; more can be read while the context lasts.

    Args:
        path: a file that ``content.recognise`` calls DICOM.

    Raises:
        UnreadableImage: it is no DICOM after all, or damaged.
    """
    with path.open("rb") as stream:
        _refuse_inflation(stream)
        try:
            header = _parse(stream, stop_before_pixels=True)
        except Exception:  # pydicom raises nearly anything on damaged files, quoting values: keep none of it
            raise UnreadableImage(_DAMAGED) from None
        yield Opened(header, stream)


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


def _parse(stream: BinaryIO, *, stop_before_pixels: bool) -> Dataset:
    # force: PS3.10 asks for a preamble and a meta header; old files lack both.
    dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=stop_before_pixels)
    dataset.file_meta = getattr(dataset, "file_meta", FileMetaDataset())
    dataset.file_meta.TransferSyntaxUID = transfer_syntax(dataset)
    return dataset


def _refuse_inflation(stream: BinaryIO) -> None:
    """Refuse a deflated dataset (PS3.5 section A.5) that grows beyond what a file may have."""
    start = stream.read(2048)
    if DeflatedExplicitVRLittleEndian.encode() in start:
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
    stream.seek(0)
