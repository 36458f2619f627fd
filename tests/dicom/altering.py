"""DICOM files with a name planted in all their text, and ways to alter them, of which mutations are made."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pydicom
from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

CANARY = "ZZTOP^SECRET^1900"
BIRTH_DATE = "19010203"
ROOT = "1.2.999.27182818"
SECRETS = (b"zztop", b"secret^", b"19010203", b"1901-02-03", b"27182818")
"""Parts of what was planted, in lower case; none may be found in anything that medneg keeps or says."""

_TEXT = ("PN", "LO", "SH", "LT", "ST", "UT", "UC", "AE")
PERSONAL = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "PatientAddress",
    "PatientComments",
    "AccessionNumber",
    "StudyID",
    "InstitutionName",
    "InstitutionAddress",
    "ReferringPhysicianName",
    "OperatorsName",
    "StationName",
    "DeviceSerialNumber",
    "StudyDescription",
    "ImageComments",
    "Manufacturer",
    "ManufacturerModelName",
    "DerivationDescription",
)
"""Elements that get the canary whether or not they were there."""


def read_sources(paths: Sequence[Path], *, largest: int = 300_000) -> list[bytes]:
    """The contents of the files that are not too large for a thousand copies."""
    return [path.read_bytes() for path in sorted(paths) if path.stat().st_size <= largest]


def planted(raw: bytes, rng: Random) -> bytes:
    """The file with the canary in its text, its UIDs and its date of birth; as it is if it cannot be read."""

    def plant(dataset: Dataset) -> None:
        for keyword in PERSONAL:
            set_raw(dataset, keyword, CANARY.encode())
        for tag, element in list(dataset._dict.items()):
            if element.VR in _TEXT and rng.random() < 0.5:
                set_raw(dataset, tag, CANARY.encode())
        set_raw(dataset, "PatientBirthDate", BIRTH_DATE.encode())
        for keyword in ("StudyInstanceUID", "SOPInstanceUID", "SeriesInstanceUID"):
            set_raw(dataset, keyword, f"{ROOT}.{rng.randrange(10**9)}".encode())

    return rewritten(raw, plant)


def flipped(raw: bytes, where: range, rng: Random) -> bytes:
    """A few bits of the bytes in a range turned over."""
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 2, 8, 32)) if len(where) else 0):
        changed[rng.choice(where)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def spans(raw: bytes) -> list[tuple[int, int, int]]:
    """Where each element of the outermost level begins, where its value does, and where it ends."""
    try:
        dataset = _parsed(raw)
    except Exception:  # a file that was broken before has its elements anywhere
        return []
    found = []
    for tag, element in dataset._dict.items():  # as pydicom met them, for to convert them may fail
        value = getattr(element, "value_tell", None) or getattr(element, "file_tell", None) or 0
        for start in (value - 12, value - 8):
            if start >= 0 and raw[start : start + 4] == struct.pack("<HH", tag.group, tag.element):
                found.append((start, value, value + len(element.value or b"")))
                break
    return found


def any_span(raw: bytes, rng: Random) -> tuple[int, int, int]:
    """One of them at random; anywhere in a file that has none."""
    found = spans(raw)
    if found:
        return rng.choice(found)
    start = rng.randrange(len(raw) + 1)
    return start, start + 8, start + 16


def rewritten(raw: bytes, change: Callable[[Dataset], object]) -> bytes:
    """The file with its elements changed; unchanged where pydicom can read or write none of it."""
    written = io.BytesIO()
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        try:
            dataset = _parsed(raw)
        except Exception:  # pydicom raises nearly anything
            return raw
        change(dataset)
        try:
            dataset.save_as(written, enforce_file_format=False)
        except Exception:
            return raw
    return written.getvalue()


def set_raw(dataset: Dataset, keyword: str | int, held: bytes) -> None:
    """Give an element these very bytes, whatever its kind of value allows."""
    tag = Tag(keyword)
    known = dictionary_VR(tag) if keyword in keyword_dict else dataset._dict[tag].VR or "UN"
    dataset._dict[tag] = raw_element(tag, known.split(" ")[0], held)


def raw_element(tag: BaseTag, vr: str, held: bytes) -> RawDataElement:
    """An element that pydicom writes as it is."""
    return RawDataElement(tag, vr, len(even(held)), even(held), 0, False, True)


def even(held: bytes) -> bytes:
    """Padded to an even length (PS3.5 section 6.2)."""
    return held + b" " * (len(held) % 2)


def _parsed(raw: bytes) -> Dataset:
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(raw), force=True)
