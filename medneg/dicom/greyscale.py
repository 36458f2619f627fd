"""The grey-scale chain: from stored values to a picture with bone bright, in the standard's order.

Modality LUT (PS3.3 C.11.1) -> VOI LUT or window (C.11.2) -> inversion last (C.7.6.3.1.2, C.11.6).
Every step acts on single values, so the whole chain is one table over the 2^8 or 2^16 possible cell
contents, made for those that occur; a picture costs one look-up per pixel. A change
of any step changes the name in ``medneg.values.GREY_SCALE_CHAIN``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from medneg.dicom.admission import SECONDARY_CAPTURE
from medneg.dicom.elements import integer, number, text
from medneg.dicom.identity import view
from medneg.dicom.lut import read_lookup
from medneg.dicom.polarity import is_negative
from medneg.dicom.stored import Layout
from medneg.dicom.tables import Cells, count, look_up
from medneg.dicom.window import Window, percentile_window
from medneg.errors import UnreadableImage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Modality:
    """Modality values, shape (v,), whether they can be negative, and how they were made."""

    values: NDArray[np.float64]
    signed: bool
    step: str


def grey_scale(cells: Cells, dataset: Dataset, layout: Layout) -> tuple[NDArray[np.float32], str]:
    """Apply the chain.

    Args:
        cells: what ``stored.decode`` returned, shape (rows, columns).
        dataset: the header that says how to show it.
        layout: what the cells mean.

    Returns:
        float32 of the same shape in [0, 1], bone bright; and the steps in words.

    Raises:
        UnreadableImage: all pixels have the same value.
    """
    counts = count(cells)
    occurring = np.flatnonzero(counts)
    stored, counts = layout.values(occurring), counts[occurring]
    padding = _padding(dataset, stored, layout)
    modality = modality_values(dataset, stored, layout)
    greys, voi_step = _voi(dataset, modality, np.where(padding, 0, counts))
    lookup = functools.partial(_show, cells, occurring, np.where(padding, np.nan, greys))
    inverted = is_inverted(dataset)
    pixels, inversion_step = lookup(inverted=inverted), _inversion_step(dataset) if inverted else ""
    if _polarity_is_second_hand(dataset) and is_negative(pixels):
        pixels, inversion_step = lookup(inverted=not inverted), _correction_step(dataset, inverted=inverted)
    steps = (modality.step, voi_step, "padding black" if padding.any() else "", inversion_step)
    return pixels, "; ".join(step for step in steps if step)


def _show(
    cells: Cells, occurring: NDArray[np.int64], greys: NDArray[np.float64], *, inverted: bool
) -> NDArray[np.float32]:
    """Look every pixel up; padding, whose grey is NaN, is black whichever way round the picture is."""
    table = np.zeros(np.iinfo(cells.dtype).max + 1, dtype=np.float32)
    table[occurring] = np.nan_to_num(1.0 - greys if inverted else greys, nan=0.0)
    return look_up(table, cells)


def modality_values(dataset: Dataset, stored: NDArray[np.int64], layout: Layout) -> Modality:
    """Modality LUT Sequence, else rescale, else the stored values themselves (PS3.3 C.11.1)."""
    table = read_lookup(dataset, "ModalityLUTSequence", signed=layout.signed)
    if table is not None:
        return Modality(values=table(stored.astype(np.float64)), signed=False, step="modality LUT sequence")
    slope, intercept = number(dataset, "RescaleSlope") or 1.0, number(dataset, "RescaleIntercept") or 0.0
    # A slope of 0 would leave no picture; it is written where none is meant, so 1 takes its place.
    ends = [slope * end + intercept for end in (layout.lowest, layout.highest)]
    if not np.isfinite(ends).all():  # numbers without meaning, and none that can be computed with
        slope, intercept, ends = 1.0, 0.0, [float(layout.lowest)]
    return Modality(
        values=stored.astype(np.float64) * slope + intercept,
        signed=min(ends) < 0,
        step="" if (slope, intercept) == (1.0, 0.0) else "modality rescale",
    )


def is_inverted(dataset: Dataset) -> bool:
    """Whether high values are dark.

    MONOCHROME1 and a Presentation LUT Shape of INVERSE say the same thing, and in the DX module both
    stand together (PS3.3 C.8.11.3), so they invert once.
    """
    return (
        _photometric(dataset) == "MONOCHROME1" or text(dataset, "PresentationLUTShape").upper() == "INVERSE"
    )


def _photometric(dataset: Dataset) -> str:
    return text(dataset, "PhotometricInterpretation").upper()


def _inversion_step(dataset: Dataset) -> str:
    cause = "MONOCHROME1" if _photometric(dataset) == "MONOCHROME1" else "presentation LUT shape INVERSE"
    return f"inverted last ({cause})"


def _correction_step(dataset: Dataset, *, inverted: bool) -> str:
    name, bone = _photometric(dataset), "bright" if inverted else "dark"
    return f"{'not inverted' if inverted else 'inverted last'} although {name}: bone is {bone} as stored"


def _polarity_is_second_hand(dataset: Dataset) -> bool:
    return text(dataset, "SOPClassUID") in SECONDARY_CAPTURE and view(dataset) in ("PA", "AP")


def _voi(dataset: Dataset, modality: Modality, counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], str]:
    """Grey in [0, 1] for modality values: VOI LUT sequence, else window, else percentile window."""
    values, present = modality.values, counts > 0
    table = read_lookup(dataset, "VOILUTSequence", signed=modality.signed)
    if table is not None:
        greys = np.clip(table(values) / (2**table.bits - 1), 0.0, 1.0)
        if _shows_something(greys, present):
            return greys, "VOI LUT sequence"
    window = _window(dataset)
    if window is not None:
        greys = window(values)
        if _shows_something(greys, present):
            return greys, f"window {window.center:g}/{window.width:g} {window.function}"
    window = percentile_window(values, counts)
    if window is None:
        raise UnreadableImage("all its pixels have the same value: it shows nothing")
    return window(values), "percentile window 1-99 %"


def _shows_something(greys: NDArray[np.float64], present: NDArray[np.bool_]) -> bool:
    """Whether more than one grey is left of the picture; a window that misses it is a wrong one."""
    seen = greys[present]
    return bool(seen.size) and bool(seen.min() < seen.max())


def _window(dataset: Dataset) -> Window | None:
    """The first window of the header, or None when there is none that can be used (C.11.2.1.2)."""
    center, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    if center is None or width is None:
        return None
    named = text(dataset, "VOILUTFunction").upper()
    try:
        if named in ("LINEAR_EXACT", "SIGMOID"):
            return Window(
                center=center, width=width, function="SIGMOID" if named == "SIGMOID" else "LINEAR_EXACT"
            )
        return Window(center=center, width=width)
    except ValueError:
        return None


def _padding(dataset: Dataset, stored: NDArray[np.int64], layout: Layout) -> NDArray[np.bool_]:
    """Which cell contents are padding around the picture (PS3.3 C.7.5.1.1.2)."""
    value = _padding_bound(dataset, "PixelPaddingValue", layout)
    if value is None:
        return np.zeros(len(stored), dtype=bool)
    limit = _padding_bound(dataset, "PixelPaddingRangeLimit", layout)
    low, high = sorted((value, value if limit is None else limit))
    return (stored >= low) & (stored <= high)


def _padding_bound(dataset: Dataset, keyword: str, layout: Layout) -> int | None:
    bound = integer(dataset, keyword)
    if bound is None:
        return None
    # US or SS after Pixel Representation; writers mix the two up, so the bits decide.
    pattern: int = bound % 2**layout.allocated
    negative = layout.signed and pattern >= 2 ** (layout.allocated - 1)
    return pattern - 2**layout.allocated if negative else pattern
