"""One phantom file: pixels stored, compressed and written, the same bytes every time."""

from __future__ import annotations

import os
from pathlib import Path

import gdcm
import numpy as np
import openjpeg
from numpy.random import Generator
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from rle.utils import encode_pixel_data

from medneg.phantom.greyscale import choose_grey_scale, store
from medneg.phantom.headers import Film, header
from medneg.phantom.identity import identifier, stream
from medneg.phantom.sampling import Study

TRANSFER_SYNTAXES = {
    ExplicitVRLittleEndian: 0.37,
    ImplicitVRLittleEndian: 0.22,
    DeflatedExplicitVRLittleEndian: 0.03,
    JPEG2000Lossless: 0.10,
    JPEGLSLossless: 0.14,
    RLELossless: 0.14,
}
"""Share of files by how they are encoded; none of them loses anything."""

BORDER_ODDS = 0.07
"""Share of files with a blank border around the picture."""


_GREY = 2  # OPJ_CLRSPC_GRAY


def write_file(path: Path, study: Study, number: int) -> None:
    """Draw one picture of a study and write it as a DICOM file.

    The file appears whole or not at all: it is written beside its place and moved there.
    """
    from medneg.phantom.drawing import draw

    film = Film(study=study, number=number, grey=choose_grey_scale(stream(study.study, number, "grey")))
    rng = stream(film.instance, "file")
    picture = bordered(draw(study.pictures[number]), rng)
    stored = store(picture, film.grey, rng)
    dataset = header(film, stored)
    syntax = UID(list(TRANSFER_SYNTAXES)[int(rng.choice(len(TRANSFER_SYNTAXES), p=_odds()))])
    _put_pixels(dataset, stored, syntax)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        dcmwrite(file, dataset, enforce_file_format=True)
    os.replace(part, path)


def bordered(picture: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Now and then, blank the picture's edges as a scanned film or a padded plate has them."""
    draw, shares = rng.random(), rng.uniform(0.01, 0.06, size=2)
    if draw >= BORDER_ODDS:
        return picture
    blank = np.zeros_like(picture)
    top, left = (
        max(1, round(float(share) * side)) for share, side in zip(shares, picture.shape, strict=True)
    )
    blank[top:-top, left:-left] = picture[top:-top, left:-left]
    return blank


def compress(stored: NDArray[np.uint8 | np.uint16], bits: int, syntax: UID) -> bytes:
    """One frame's code stream, without loss.

    Each syntax has the encoder that takes every depth and size: GDCM's for RLE aborts the process on frames
    of odd length, and its own for JPEG 2000 is four times slower than OpenJPEG's.

    Args:
        stored: shape (rows, columns), each side at least 32.
        bits: Bits Stored.
        syntax: RLE Lossless, JPEG 2000 Lossless or JPEG-LS Lossless.

    Raises:
        RuntimeError: if the encoder gives up.
    """
    if syntax == RLELossless:
        return _run_lengths(stored)
    if syntax == JPEG2000Lossless:
        stream_out: bytes = openjpeg.encode(stored, bits_stored=bits, photometric_interpretation=_GREY)
        return stream_out
    return _jpeg_ls(stored, bits)


def _run_lengths(stored: NDArray[np.uint8 | np.uint16]) -> bytes:
    """PackBits by byte planes (PS3.5, annex G)."""
    rows, columns = stored.shape
    frame: bytes = encode_pixel_data(
        stored.tobytes(),
        byteorder="<",
        rows=rows,
        columns=columns,
        samples_per_pixel=1,
        bits_allocated=stored.itemsize * 8,
        number_of_frames=1,
    )
    return frame


def _jpeg_ls(stored: NDArray[np.uint8 | np.uint16], bits: int) -> bytes:
    """JPEG-LS by GDCM (PS3.5, A.4.3)."""
    writer = _gdcm_image(stored, bits)
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLSLossless))
    change.SetInput(writer.GetImage())
    if not change.Change():
        raise RuntimeError(f"GDCM cannot encode {bits} bits as JPEG-LS")
    fragments = change.GetOutput().GetDataElement().GetSequenceOfFragments()
    text: str = fragments.GetFragment(0).GetByteValue().GetBuffer()
    # The binding hands bytes over as text; this is how it is undone.
    return text.encode("utf-8", "surrogateescape")


def _gdcm_image(stored: NDArray[np.uint8 | np.uint16], bits: int) -> gdcm.ImageWriter:
    """The frame as GDCM wants it; the image lives as long as the writer that is returned."""
    writer = gdcm.ImageWriter()
    image = writer.GetImage()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((stored.shape[1], stored.shape[0], 1))
    kind = gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ImplicitVRLittleEndian))
    image.SetPixelFormat(gdcm.PixelFormat(1, stored.itemsize * 8, bits, bits - 1, 0))
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetByteStringValue(np.ascontiguousarray(stored).tobytes())
    image.SetDataElement(element)
    return writer


def _put_pixels(dataset: Dataset, stored: NDArray[np.uint8 | np.uint16], syntax: UID) -> None:
    """Pixel data and file meta information (PS3.5, 8 and annex A; PS3.10, 7.1)."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.ImplementationClassUID = UID(identifier("medneg phantom"))
    dataset.file_meta.ImplementationVersionName = "MEDNEG PHANTOM"
    if syntax.is_encapsulated:
        dataset.PixelData = encapsulate([compress(stored, dataset.BitsStored, syntax)])
        dataset["PixelData"].VR = "OB"
    else:
        raw = stored.tobytes()
        dataset.PixelData = raw + b"\0" * (len(raw) % 2)
        dataset["PixelData"].VR = "OW"


def _odds() -> list[float]:
    return list(TRANSFER_SYNTAXES.values())
