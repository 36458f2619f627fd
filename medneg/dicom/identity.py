"""Who and when, as far as it may be kept: pseudonyms, sex, age, date, view; never a name or a number."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from pydicom import Dataset
from pydicom.sequence import Sequence

from medneg.dicom.elements import first, items, text, value
from medneg.dicom.pseudonyms import pseudonym

OLDEST = 90.0
"""Ages above 89 become this: 45 CFR 164.514(b)(2)(i)(C), HIPAA's Safe Harbor."""

_LONGEST_LIFE = 130
_YEARS = {"Y": 1.0, "": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_LATERAL = ("LL", "RL", "LAT", "LATERAL", "LARGE LATERAL", "LEFT LATERAL", "RIGHT LATERAL")
_VIEW_WORDS = {
    "PA": re.compile(r"\bP\.?A\b|POSTERO-?\s?ANTERIOR"),
    "AP": re.compile(r"\bA\.?P\b|ANTERO-?\s?POSTERIOR"),
    "LATERAL": re.compile(r"\b(?:LL|RL|LAT|LATERAL|LATERALE|SEITLICH|PROFIL)\b"),
}
_DECUBITUS = re.compile(r"DECUB|\b[LR]LD\b")


def pseudonyms(dataset: Dataset, *, key: bytes, content: Callable[[], str]) -> tuple[str, str, str]:
    """Pseudonyms of patient, study and image.

    Args:
        dataset: a header.
        key: the archive's secret.
        content: gives a hash of the file's content, which stands in for an identifier that is missing.
    """
    patient = raw_identifier(dataset, "PatientID")
    issuer = raw_identifier(dataset, "IssuerOfPatientID")
    # A backslash separates values in DICOM, so no identifier holds one.
    owner = f"{patient}\\{issuer}" if patient and issuer else patient
    study = raw_identifier(dataset, "StudyInstanceUID")
    image = raw_identifier(dataset, "SOPInstanceUID")
    return (
        pseudonym(key, owner or content()),
        pseudonym(key, study or content()),
        pseudonym(key, image or content()),
    )


def raw_identifier(dataset: Dataset, keyword: str) -> str:
    """An identifier as it stands, for a pseudonym only; "" when there is none."""
    found = first(value(dataset, keyword))
    return "" if found is None or isinstance(found, Sequence) else str(found).strip("\0 ")


def sex(dataset: Dataset) -> str | None:
    """ "F", "M", "O" or None (PS3.3 C.7.1.1)."""
    found = text(dataset, "PatientSex").upper()
    return found if found in ("F", "M", "O") else None


def age(dataset: Dataset) -> float | None:
    """Age in years: Patient's Age, else from the dates of birth and study; above 89 it is 90."""
    years = _stated_age(text(dataset, "PatientAge"))
    if years is None:
        years = _age_between(day(text(dataset, "PatientBirthDate")), _study_day(dataset))
    if years is None or not 0 <= years <= _LONGEST_LIFE:
        return None
    return OLDEST if years >= OLDEST else round(years, 2)


def study_date(dataset: Dataset) -> str | None:
    """The study's date, else the image's, as ISO 8601."""
    found = _study_day(dataset)
    return found.isoformat() if found else None


def view(dataset: Dataset) -> str | None:
    """ "PA", "AP", "LATERAL" or None.

    View Position when it says one; else View Code Sequence, Patient Orientation (rows that run to the
    patient's front or back make a lateral view) and the descriptions, where they name exactly one.
    """
    position = text(dataset, "ViewPosition").upper()
    if position in ("PA", "AP"):
        return position
    if position in _LATERAL:
        return "LATERAL"
    coded = items(dataset, "ViewCodeSequence")
    named = _view_in(text(coded[0], "CodeMeaning")) if coded else None
    if named:
        return named
    if text(dataset, "PatientOrientation").upper()[:1] in ("A", "P"):
        return "LATERAL"
    found = (_view_in(text(dataset, keyword)) for keyword in ("SeriesDescription", "ProtocolName"))
    return next((name for name in found if name), None)


def day(raw: str) -> date | None:
    """A DICOM date (PS3.5 section 6.2, ACR-NEMA's dots allowed), or None.

    Example:
        >>> day("1999.05.24")
        datetime.date(1999, 5, 24)
    """
    digits = raw.replace(".", "")
    if not re.fullmatch(r"[0-9]{8}", digits):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _study_day(dataset: Dataset) -> date | None:
    keywords = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
    return next(filter(None, (day(text(dataset, keyword)) for keyword in keywords)), None)


def _stated_age(raw: str) -> float | None:
    # PS3.5 section 6.2, AS: nnnD, nnnW, nnnM or nnnY; many writers leave zeros or the unit out.
    match = re.fullmatch(r"([0-9]{1,3})\s?([DWMY]?)", raw.upper())
    return int(match[1]) * _YEARS[match[2]] if match else None


def _age_between(birth: date | None, then: date | None) -> float | None:
    if birth is None or then is None:
        return None
    return float(then.year - birth.year - ((then.month, then.day) < (birth.month, birth.day)))


def _view_in(words: str) -> str | None:
    shouted = words.upper().replace("_", " ")
    if _DECUBITUS.search(shouted):
        return None
    found = [name for name, pattern in _VIEW_WORDS.items() if pattern.search(shouted)]
    return found[0] if len(found) == 1 else None
