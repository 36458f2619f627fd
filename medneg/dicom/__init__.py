"""A file becomes a radiograph: DICOM, PNG or JPEG in, grey values with bone bright and nothing personal out.

The three functions import their heavy libraries (pydicom, MONAI, torch) on the first call, not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from medneg.dicom.pseudonyms import pseudonym
from medneg.values import InputSpec, Radiograph

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

__all__ = ["prepare", "pseudonym", "read"]


def read(path: Path, *, key: bytes) -> Radiograph:
    """Read one chest radiograph.

    Args:
        path: a DICOM file (with or without preamble and meta header), a PNG or a JPEG; its content
            decides, not its name.
        key: the archive's secret, for the pseudonyms.

    Returns:
        Pixels of shape (rows, columns), float32 in [0, 1], bone bright, and what is not personal.

    Raises:
        UnreadableImage: with the reason in plain words.
    """
    from medneg.dicom import reader

    return reader.read(path, key=key)


def prepare(radiograph: Radiograph, spec: InputSpec) -> NDArray[float32]:
    """Bring a radiograph to an image tower's input: aspect ratio kept, the rest black.

    Args:
        radiograph: what ``read`` returned.
        spec: side of the square, interpolation and the grey-scale chain that the tower expects.

    Returns:
        float32, shape (spec.size, spec.size), in [0, 1].

    Raises:
        ValueError: ``spec.chain`` is not the chain of this version.
    """
    from medneg.dicom import preparation

    return preparation.prepare(radiograph, spec)
