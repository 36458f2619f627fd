"""The sidebar: which images may be hits.

What it says of header fields stands in the sentence (``app.field_filters``) and nowhere else, so that the
sidebar, the chips and the address never disagree.
"""

from __future__ import annotations

from datetime import date

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.field_filters import age_value, date_value, filters_of, write_filter
from app.markup import tag, text
from app.navigation import show_links
from medneg.archive import Archive, Counts, Where
from medneg.errors import FilterError
from medneg.query import lexicon, parse, read_condition
from medneg.search import narrow, parse_where
from medneg.values import FilterField, FindingState

OLDEST = 120
COUNTED_SECONDS = 60
"""How long the page says what it counted once: over a million images, counting takes a second."""
FIRST, LAST = date(1900, 1, 1), date(2100, 12, 31)
STATES: dict[FindingState, str] = {"present": "● Present", "absent": "⊘ Absent", "uncertain": "? Uncertain"}


def show_title(store: Archive) -> None:
    """Name the tool, say how much the archive holds, and lead to the other page."""
    counts = _counts(repr(store), store)
    kind = "phantom archive" if counts.phantoms == counts.images else "archive"
    st.html(
        tag("div", f"med{tag('span', 'neg')}", kind="mn-title")
        + tag("div", text(f"{kind} · {counts.images:,} images"), kind="mn-dim")
    )
    show_links()


def show_filters(store: Archive, raw: str) -> Where:
    """Draw the filters as the sentence sets them.

    Args:
        store: whose images are filtered.
        raw: the sentence.

    Returns:
        What reports and labels must say. The filters on header fields stay with the sentence.
    """
    held = narrow(None, parse(raw)) if filters_of(raw) else Where()
    _choice(store, "view", "View", held.views)
    _choice(store, "sex", "Sex", held.sexes)
    _ages(held)
    _dates(held)
    _choice(store, "modality", "Modality", held.modalities)
    return _recorded()


def _choice(store: Archive, field: FilterField, label: str, held: tuple[str, ...]) -> None:
    options = [value for value in _values(repr(store), store, field) if _can_be_asked(field, value)]
    if len(options) < 2:
        return
    st.session_state[field] = [value for value in held if value in options]
    st.pills(
        label,
        options,
        selection_mode="multi",
        key=field,
        on_change=lambda: write_filter(field, "|".join(st.session_state[field]) or None),
    )


@st.cache_data(ttl=COUNTED_SECONDS, max_entries=8, show_spinner=False)
def _counts(archive: str, _store: Archive) -> Counts:
    return _store.counts()


@st.cache_data(ttl=COUNTED_SECONDS, max_entries=24, show_spinner=False)
def _values(archive: str, _store: Archive, field: str) -> tuple[str, ...]:
    return _store.values(field)


def _can_be_asked(field: FilterField, value: str) -> bool:
    try:
        return bool(read_condition(field, value))
    except FilterError:
        return False


def _ages(held: Where) -> None:
    low = 0 if held.age_min is None else round(held.age_min)
    high = OLDEST if held.age_max is None else round(held.age_max)
    low, high = sorted((min(low, OLDEST), min(high, OLDEST)))
    st.session_state["age"] = (low, high)
    st.slider(
        "Age",
        0,
        OLDEST,
        key="age",
        on_change=_write_ages,
    )


def _write_ages() -> None:
    youngest, oldest = st.session_state["age"]
    write_filter("age", age_value(youngest, oldest, OLDEST))


def _dates(held: Where) -> None:
    first, last = st.columns(2)
    _date(first, "from", "Study from", held.date_from)
    _date(last, "to", "to", held.date_to)


def _date(place: DeltaGenerator, key: str, label: str, held: str | None) -> None:
    st.session_state[key] = min(max(date.fromisoformat(held), FIRST), LAST) if held else None
    place.date_input(
        label,
        key=key,
        format="YYYY-MM-DD",
        min_value=FIRST,
        max_value=LAST,
        on_change=lambda: write_filter("date", date_value(st.session_state["from"], st.session_state["to"])),
    )


def _recorded() -> Where:
    """What reports and labels must say; kinds and parents count as they do for `--where`."""
    names = sorted(f.name for f in lexicon().findings if f.kind in ("finding", "device"))
    held = sum(name in names for state in STATES for name in st.query_params.get_all(state))
    conditions = []
    with st.expander(f"In report or labels{f' · {held}' if held else ''}", key="labels", expanded=bool(held)):
        for state, label in STATES.items():
            chosen = st.multiselect(
                label, names, placeholder="any", key=state, bind="query-params", filter_mode="contains"
            )
            conditions += [f"{name}={state}" for name in chosen]
    return parse_where(", ".join(conditions))
