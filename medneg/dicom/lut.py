"""Look-up tables of a DICOM header (PS3.3 C.11.1.1 and C.11.2.1.1), read as forgivingly as viewers do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from medneg.dicom.elements import items, value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LookUp:
    """A table from whole numbers to whole numbers.

    Attributes:
        first: the input that the first entry belongs to; smaller inputs get that entry, too.
        data: int64, shape (entries,), at least one; inputs past the end get the last entry.
        bits: depth of the output, whose full range is 0 to 2^bits - 1.
    """

    first: int
    data: NDArray[np.int64]
    bits: int

    def __call__(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The entries for the inputs, which are rounded to whole numbers."""
        index = np.clip(np.rint(inputs) - self.first, 0, len(self.data) - 1).astype(np.int64)
        return np.asarray(self.data[index], dtype=np.float64)


def read_lookup(dataset: Dataset, keyword: str, *, signed: bool) -> LookUp | None:
    """Read the first usable table of a Modality LUT Sequence or VOI LUT Sequence.

    Args:
        dataset: a header.
        keyword: of the sequence.
        signed: whether the table's inputs can be negative, which decides how its first input is read.

    Returns:
        The table, or None when there is none or it cannot be used.
    """
    for item in items(dataset, keyword):
        found = _lookup(item, signed=signed, little=bool(dataset.original_encoding[1] is not False))
        if found is not None:
            return found
    return None


def _lookup(item: Dataset, *, signed: bool, little: bool) -> LookUp | None:
    descriptor = _integers(value(item, "LUTDescriptor"), little=little)
    if len(descriptor) != 3:
        return None
    entries, first, bits = descriptor
    entries = entries % 2**16 or 2**16  # C.11.1.1: 0 stands for 65,536; other numbers fit in 16 bits
    data = _entries(value(item, "LUTData"), entries, narrow=bits <= 8, little=little)
    if not data.size:
        return None
    return LookUp(first=_first_input(first, signed=signed), data=data, bits=_depth(int(data.max()), bits))


def _first_input(first: int, *, signed: bool) -> int:
    # The descriptor is US or SS after its inputs (PS3.6); writers mix the two up, so the bits decide.
    pattern = first % 2**16
    return pattern - 2**16 if signed and pattern >= 2**15 else pattern


def _depth(largest: int, declared: int) -> int:
    """The output's depth: as declared, unless the entries need more or reach less than half of it."""
    needed = max(largest.bit_length(), 1)
    return declared if needed == declared and 1 <= declared <= 16 else needed


def _entries(found: Any, entries: int, *, narrow: bool, little: bool) -> NDArray[np.int64]:
    """The table's entries; as many as there are, at most as many as declared.

    ``narrow`` says that they have 8 bits. C.11.1.1: these are packed in pairs, the first in the low
    byte, or stand alone in 16 bits, which shows in the length.
    """
    if isinstance(found, bytes):
        wide = not narrow or len(found) > entries + entries % 2
        kind = ("<u2" if little else ">u2") if wide else "u1"
        usable = found[: len(found) // 2 * 2] if wide else found
        return np.frombuffer(usable, dtype=kind)[:entries].astype(np.int64)
    words = np.array(_integers(found, little=little), dtype=np.int64) % 2**16
    if narrow and entries > 1 and len(words) <= (entries + 1) // 2:
        words = np.stack([words & 255, words >> 8], axis=1).ravel()
    return words[:entries]


def _integers(found: Any, *, little: bool) -> list[int]:
    """Whole numbers from an element that pydicom gave as numbers or, lacking its VR, as bytes."""
    try:
        if isinstance(found, bytes):
            return [int(word) for word in np.frombuffer(found, dtype="<u2" if little else ">u2")]
        return [int(part) for part in (found if hasattr(found, "__len__") else [found])]
    except (TypeError, ValueError):
        return []
