"""The reader that MONAI is told to use, and what is made of its result.

MONAI's own readers are not used: they transpose, apply no VOI LUT, prune the header, and invert
MONOCHROME1 or not depending on which packages are installed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medneg.dicom import admission, content, identity, stored
from medneg.dicom.dataset import open_header, tolerance
from medneg.dicom.elements import text
from medneg.dicom.greyscale import grey_scale
from medneg.dicom.header import kept_header
from medneg.dicom.impersonal import impersonal
from medneg.dicom.picture import read_picture
from medneg.dicom.pseudonyms import pseudonym
from medneg.dicom.transforms import LOADER, ImageReader
from medneg.values import Radiograph

PHANTOM = "medneg phantom"
"""Manufacturer of the phantoms of ``medneg.phantom``."""


def read(path: Path, *, key: bytes) -> Radiograph:
    """Read one file through MONAI with the reader of this module; see ``medneg.dicom.read``."""
    # The reader goes in at the call: given at construction, MONAI would hide its errors and try others.
    image, meta = LOADER(str(path), reader=RadiographReader(key=key))
    return Radiograph(pixels=np.asarray(image.numpy(), dtype=np.float32), **meta["radiograph"])


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was recognised."""

    path: Path
    kind: content.Kind


class RadiographReader(ImageReader):  # type: ignore[misc]  # MONAI is untyped
    """Reads DICOM, PNG and JPEG as (rows, columns), float32 in [0, 1], bone bright.

    Args:
        key: the archive's secret, for the pseudonyms.
    """

    def __init__(self, *, key: bytes) -> None:
        self._key = key

    def verify_suffix(self, filename: Sequence[PathLike[str]] | PathLike[str]) -> bool:
        """Names say nothing; ``read`` looks at the content."""
        return True

    def read(self, data: Sequence[PathLike[str]] | PathLike[str], **kwargs: Any) -> Source:
        """Recognise one file.

        Raises:
            UnreadableImage: it is of no kind that is read here.
        """
        path = Path(data[0] if isinstance(data, list | tuple) else data)  # type: ignore[arg-type]
        return Source(path, content.recognise(path))

    def get_data(self, img: Source) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Pixels, and under "radiograph" the other fields of a ``medneg.values.Radiograph``.

        Raises:
            UnreadableImage: with the reason.
        """
        pixels, fields = (_from_dicom if img.kind == "DICOM" else _from_picture)(img, self._key)
        return pixels, {"radiograph": fields}


def _from_dicom(source: Source, key: bytes) -> tuple[NDArray[np.float32], dict[str, Any]]:
    with tolerance():
        with open_header(source.path) as opened:
            admission.admit(opened.header)
            dataset = opened.read_pixels()
        described = stored.layout(dataset)
        fields = _fields(dataset, source, key)
        cells = stored.decode(dataset, described)
        pixels, steps = grey_scale(cells, dataset, described)
    return pixels, {**fields, "grey_scale": steps}


def _fields(dataset: Any, source: Source, key: bytes) -> dict[str, Any]:
    patient, study, image = identity.pseudonyms(dataset, key=key, content=lambda: _digest(source.path))
    return {
        "patient": patient,
        "study": study,
        "image": image,
        "view": identity.view(dataset),
        "sex": identity.sex(dataset),
        "age": identity.age(dataset),
        "study_date": identity.study_date(dataset),
        "modality": impersonal(dataset, "Modality").upper() or None,
        "header": kept_header(dataset),
        "phantom": text(dataset, "Manufacturer") == PHANTOM,
    }


def _from_picture(source: Source, key: bytes) -> tuple[NDArray[np.float32], dict[str, Any]]:
    pixels, steps, header = read_picture(source.path, source.kind)
    name = pseudonym(key, _digest(source.path))
    return pixels, {"patient": name, "study": name, "image": name, "grey_scale": steps, "header": header}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
