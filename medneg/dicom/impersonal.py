"""Text of a header that may be kept or shown: it has the form of its element, and repeats nobody's name.

Which elements are kept is decided elsewhere; but writers put anything anywhere, and a patient's name in a
field for codes is personal all the same.
"""

from __future__ import annotations

import re
from collections.abc import Set

from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from medneg.dicom.elements import as_number, text

PERSONS = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientAddress",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
)
"""Elements whose words may not come back in another one."""

_CODE = re.compile(r"[A-Za-z0-9_ ]{1,16}")  # PS3.5 section 6.2, CS; small letters are common
_NUMERIC = ("DS", "IS", "US", "SS", "FL", "FD")
_SHORTEST = 3


def impersonal(
    dataset: Dataset, keyword: str, *, within: Dataset | None = None, persons: Set[str] | None = None
) -> str:
    """The text of an element, or "" when it may be personal.

    A code string must look like one and a number be one; free text may not have the carets of a person's name
    (PS3.5 section 6.2.1); and no word of three letters or more may also stand in one of ``PERSONS``.

    Args:
        dataset: a header.
        keyword: of the element.
        within: the item of a sequence of it that holds the element; None for the header itself.
        persons: ``words_of_persons(dataset)``, for who asks for many elements.
    """
    found = text(dataset if within is None else within, keyword)
    if not found:
        return ""
    kind = dictionary_VR(keyword).split(" ")[0]
    if kind in _NUMERIC:
        return found if all(as_number(part) is not None for part in found.split("\\")) else ""
    if kind == "CS":
        fits = all(_CODE.fullmatch(part) for part in found.split("\\") if part)
    else:
        fits = "^" not in found
    if not fits:
        return ""
    words = _words(found)
    return "" if words and words & (words_of_persons(dataset) if persons is None else persons) else found


def words_of_persons(dataset: Dataset) -> set[str]:
    """What stands in ``PERSONS``, word by word, in small letters."""
    return {word for keyword in PERSONS for word in _words(text(dataset, keyword))}


def _words(found: str) -> set[str]:
    return {word for word in re.findall(r"[^\W_]+", found.lower()) if len(word) >= _SHORTEST}
