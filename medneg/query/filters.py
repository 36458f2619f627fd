"""Field filters in a query's words: ``view:PA sex:F age:>60 date:2024-01..2024-06 modality:DX``.

The same reading of fields and values serves ``--where`` (``medneg.search.parse_where``).
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast, get_args

from medneg.errors import FilterError
from medneg.query.repair import is_term
from medneg.values import SEXES, VIEWS, FieldFilter, FilterField, QueryWarning, Span

_FIELDS = get_args(FilterField)
_ALLOWED = f"the fields are {', '.join(_FIELDS)}, as in view:PA|AP sex:F age:>60 date:2024-01..2024-06"
_KNOWN = re.compile(
    rf"(?P<not>(?:(?<!\w)not\s+|(?<!\w)[-!¬~]\s?)?)(?<!\w)(?P<field>{'|'.join(_FIELDS)})"
    r"(?:\s*(?P<sign>[<>]=?)\s*|[:=](?P<blank>\s*)(?=\S))(?P<value>\"[^\"]*\"|(?:[<>]=?\s*)?[^\s();,\"]+)",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(r"(?<!\S)-?(?P<field>[A-Za-z_]+):(?P<value>[^\s();,:/]+)")
_COMPARED = re.compile(r"(?i)(?:age|date)\s*[<>=]|(?:view|sex|modality)=")
_RANGE = re.compile(r"(?P<low>[^.]*)\.\.(?P<high>[^.]*)")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")
_SIGNED = re.compile(r"(?P<sign>[<>]=?)\s*(?P<value>.*)")
_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "view": {
        **{view: (view,) for view in VIEWS},
        "LAT": ("LATERAL",),
        "LL": ("LATERAL",),
        "FRONTAL": ("PA", "AP"),
    },
    "sex": {**{sex: (sex,) for sex in SEXES}, "FEMALE": ("F",), "MALE": ("M",), "OTHER": ("O",)},
}
_MODALITY = re.compile(r"[A-Z]{2}")
_OLDEST = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a field must be: one of ``choices``, or within ``low`` and ``high``, ends included.

    Ages are in years, dates ISO; None leaves an end open.
    """

    field: FilterField
    choices: tuple[str, ...] = ()
    low: float | str | None = None
    high: float | str | None = None


def read_condition(field: str, text: str) -> Condition:
    """What a field's value says: ``PA|AP``, ``>=60``, ``40..60``, ``2024-01``.

    Raises:
        FilterError: there is no such field, or it cannot have that value.

    Example:
        >>> read_condition("date", "2024-01..2024-06")
        Condition(field='date', choices=(), low='2024-01-01', high='2024-06-30')
    """
    name, value = field.lower(), text.strip()
    if name not in _FIELDS:
        raise FilterError(f"unknown field {field!r}; {_ALLOWED}")
    known = cast("FilterField", name)
    if known in ("age", "date"):
        low, high = _ends(known, value)
        return Condition(field=known, low=low, high=high)
    chosen = (choice for part in value.split("|") for choice in _choice(known, part.strip()))
    return Condition(field=known, choices=tuple(dict.fromkeys(chosen)))


def split_filters(raw: str) -> tuple[str, tuple[FieldFilter, ...], tuple[QueryWarning, ...]]:
    """Take the filters out of a query's words.

    Args:
        raw: the words as typed.

    Returns:
        The words with blanks in place of filters, so that offsets still hold; the filters; and a warning
        for each that cannot be read. What cannot be read is taken out too, and named in its warning.
    """
    if ":" not in raw and not _COMPARED.search(raw):
        return raw, (), ()
    filters: list[FieldFilter] = []
    refused: list[tuple[Span, str]] = []
    for found in _KNOWN.finditer(raw):
        _sort(found, filters, refused)
    words = _blanked(raw, [*(each.span for each in filters), *(span for span, _ in refused)])
    unknown = [
        (found.span(), f"unknown field {found['field']!r}; {_ALLOWED}")
        for found in _UNKNOWN.finditer(words)
        if not is_term(found["field"].lower())
    ]
    warnings = (_refusal(raw, span, why) for span, why in sorted(refused + unknown))
    return _blanked(words, [span for span, _ in unknown]), tuple(filters), tuple(warnings)


def _sort(found: re.Match[str], filters: list[FieldFilter], refused: list[tuple[Span, str]]) -> None:
    """Put one filter with the good or with the bad, or leave it among the words ("view: portable")."""
    field, text, end = found["field"].lower(), (found["sign"] or "") + found["value"], found.end()
    while text.endswith((",", ";", ":", "!", "?")) or (text.endswith(".") and not text.endswith("..")):
        text, end = text[:-1], end - 1
    try:
        condition = read_condition(field, text.strip('"'))
    except FilterError as error:
        if not found["blank"] and not found["sign"]:
            refused.append(((found.start(), end), str(error)))
        return
    span = (found.start() if found["not"] else found.start("field"), end)
    rivals = [read_condition(each.field, each.text) for each in filters if each.field == field]
    if found["not"]:
        refused.append((span, f"a filter says what {field} must be; write what it may be, as in view:PA|AP"))
    elif any(condition.choices and not set(rival.choices) & set(condition.choices) for rival in rivals):
        refused.append((span, f"{field} cannot be both; separate alternatives with |, as in view:PA|AP"))
    else:
        filters.append(FieldFilter(field=condition.field, text=text.strip('"'), span=span))


def _refusal(raw: str, span: Span, why: str) -> QueryWarning:
    return QueryWarning(code="filter_refused", message=f"{raw[slice(*span)]!r} is not used: {why}", span=span)


def _blanked(raw: str, spans: Sequence[Span]) -> str:
    for start, end in spans:
        raw = raw[:start] + " " * (end - start) + raw[end:]
    return raw


def _choice(field: FilterField, value: str) -> tuple[str, ...]:
    if field == "modality":
        if _MODALITY.fullmatch(value.upper()):
            return (value.upper(),)
        raise FilterError(f"modality is a DICOM code of two letters such as DX or CR; got {value!r}")
    if value.upper() not in _CHOICES[field]:
        allowed = VIEWS if field == "view" else SEXES
        raise FilterError(f"{field} must be one of {', '.join(allowed)}; got {value!r}")
    return _CHOICES[field][value.upper()]


def _ends(field: FilterField, value: str) -> tuple[float | str | None, float | str | None]:
    """The lowest and the highest value that ``>60``, ``40..60`` or ``60`` let through."""
    read = _age if field == "age" else _day
    if ranged := _RANGE.fullmatch(value):
        low = read(ranged["low"])[0] if ranged["low"].strip() else None
        high = read(ranged["high"])[1] if ranged["high"].strip() else None
        if low is None and high is None:
            raise FilterError(f"a range needs a number on one side at least; got {value!r}")
        if low is not None and high is not None and low > high:  # type: ignore[operator]  # one kind
            raise FilterError(f"a range begins at its lower end; got {value!r}")
        return low, high
    signed = _SIGNED.fullmatch(value)
    sign = signed["sign"] if signed else ""
    low, high, before, after = read(signed["value"] if signed else value)
    return {"": (low, high), ">=": (low, None), "<=": (None, high), ">": (after, None), "<": (None, before)}[
        sign
    ]


def _age(text: str) -> tuple[float, float, float, float]:
    """An age as the first and last it may be, the last below it and the first above it."""
    try:
        age = float(text)
    except ValueError:
        raise FilterError(f"age is a number of years; got {text!r}") from None
    if not 0 <= age <= _OLDEST:
        raise FilterError(f"age must be in [0, {_OLDEST:g}] years; got {text!r}")
    return age, age, max(0.0, math.nextafter(age, -math.inf)), math.nextafter(age, math.inf)


def _day(text: str) -> tuple[str, str, str, str]:
    """A day, month or year as its first and last day, the day before it and the day after it."""
    try:
        if not (found := _DATE.fullmatch(text.strip())):
            raise ValueError(text)
        year, month, day = (int(part) if part else None for part in found.groups())
        first = date(year or 0, month or 1, day or 1)
        last = date(first.year, month or 12, day or calendar.monthrange(first.year, month or 12)[1])
        before, after = first - timedelta(days=1), last + timedelta(days=1)
    except (ValueError, OverflowError):
        raise FilterError(f"date looks like 2024-01-31, 2024-01 or 2024; got {text!r}") from None
    return first.isoformat(), last.isoformat(), before.isoformat(), after.isoformat()
