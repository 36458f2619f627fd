"""Filters on header fields: the sentence holds them, the sidebar and the chips only write them there."""

from __future__ import annotations

from datetime import date

import streamlit as st

from medneg.errors import MednegError
from medneg.query import parse
from medneg.values import FieldFilter, FilterField


def with_filter(raw: str, field: FilterField, value: str | None) -> str:
    """The sentence with one filter on a field in place of all that it had; None for no filter.

    Example:
        >>> with_filter("effusion age:>60 no edema age:<80", "age", "40..80")
        'effusion age:40..80 no edema'
        >>> with_filter("effusion view:PA", "view", None)
        'effusion'
    """
    held = [each for each in filters_of(raw) if each.field == field]
    new = f"{field}:{value}" if value else ""
    if not held:
        return f"{raw} {new}".strip()
    for each in reversed(held):
        start, end = each.span
        raw = f"{raw[:start]}{new if each is held[0] else ''}{raw[end:]}"
    return " ".join(raw.split())


def without(raw: str, place: int) -> str:
    """The sentence without the filter that stands at a place among its filters."""
    start, end = filters_of(raw)[place].span
    return " ".join(f"{raw[:start]} {raw[end:]}".split())


def filters_of(raw: str) -> tuple[FieldFilter, ...]:
    """The filters in a sentence; none in one that cannot be read."""
    try:
        return parse(raw).filters
    except MednegError:
        return ()


def age_value(low: int, high: int, oldest: int) -> str | None:
    """Both ends of a slider as a filter's value; an end at its stop leaves that side open.

    Example:
        >>> age_value(60, 120, 120), age_value(0, 120, 120), age_value(18, 65, 120)
        ('>=60', None, '18..65')
    """
    return _range(str(low) if low > 0 else None, str(high) if high < oldest else None)


def date_value(first: date | None, last: date | None) -> str | None:
    """Two days as a filter's value.

    Example:
        >>> date_value(date(2024, 1, 1), None)
        '>=2024-01-01'
    """
    if first and last and first > last:
        first, last = last, first
    return _range(first.isoformat() if first else None, last.isoformat() if last else None)


def write_filter(field: FilterField, value: str | None) -> None:
    """Put a filter into the sentence of this session."""
    st.session_state["q"] = with_filter(st.session_state.get("q", ""), field, value)


def remove_filter(place: int) -> None:
    """Take a filter out of the sentence of this session."""
    st.session_state["q"] = without(st.session_state.get("q", ""), place)


def _range(low: str | None, high: str | None) -> str | None:
    if low and high:
        return f"{low}..{high}"
    return f">={low}" if low else f"<={high}" if high else None
