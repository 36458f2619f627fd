"""Values of a DICOM dataset, whatever stands in it: a value that cannot be had counts as absent.

Strings come from strangers. They leave this module without control characters and with bounded length.
"""

from __future__ import annotations

import functools
import math
import unicodedata
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

LONGEST_TEXT = 64


def clean(raw: str, *, longest: int = LONGEST_TEXT) -> str:
    """Drop control, format and surrogate characters, join runs of white space, cut to ``longest``.

    Example:
        >>> clean("CHEST\\x00 \\u202ePA\\n")
        'CHEST PA'
    """
    start = raw[: 4 * longest]
    if start.isascii() and start.isprintable():  # nearly every header: nothing to drop, spaces to join
        return " ".join(start.split())[:longest]
    kept = (
        " " if character.isspace() else character
        for character in start
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    return " ".join("".join(kept).split())[:longest]


def value(dataset: Dataset, keyword: str) -> Any:
    """The element's value as pydicom converts it, or None when it is absent, empty or damaged."""
    tag = _tag(keyword)
    if tag not in dataset:
        return None
    try:
        found = dataset[tag].value
    except Exception:  # conversion of hostile bytes raises nearly anything; a damaged value is no value
        return None
    if found is None or (isinstance(found, str | bytes | MultiValue) and len(found) == 0):
        return None
    return found


@functools.cache
def _tag(keyword: str) -> BaseTag:
    return Tag(keyword)


def first(found: Any) -> Any:
    """The first of several values, or the only one."""
    return found[0] if isinstance(found, MultiValue | list | tuple) and len(found) else found


def text(dataset: Dataset, keyword: str) -> str:
    """All values of an element, joined as DICOM joins them, cleaned; "" when there is none."""
    found = value(dataset, keyword)
    # The text of a sequence would be that of all its items, whatever they hold.
    if found is None or isinstance(found, bytes | Sequence):
        return ""
    parts = found if isinstance(found, MultiValue | list | tuple) else [found]
    return clean("\\".join(str(part) for part in parts[:16]))


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value of an element as a finite number, or None."""
    return as_number(first(value(dataset, keyword)))


def as_number(found: Any) -> float | None:
    """A finite float, or None for anything that is not one."""
    try:
        converted = float(found)
    except (TypeError, ValueError, OverflowError):
        return None
    return converted if math.isfinite(converted) else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """The first value of an element as a whole number, or None."""
    found = number(dataset, keyword)
    return int(found) if found is not None and found == int(found) else None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none when the element is absent, damaged or no sequence."""
    found = value(dataset, keyword)
    try:
        return [item for item in found if isinstance(item, Dataset)]
    except Exception:  # items are parsed as they are met, so damage inside shows only here
        return []
