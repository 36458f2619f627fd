"""The sidebar: which images may be hits, and how they are scored."""

from __future__ import annotations

from datetime import date

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.markup import tag, text
from medneg.archive import Archive, FindingFilter, Where
from medneg.query import lexicon
from medneg.values import FindingState

OLDEST = 120
STATES: tuple[FindingState, ...] = ("present", "absent", "uncertain")


def show_title(store: Archive) -> None:
    """Name the tool and say how much the archive holds."""
    counts = store.counts()
    kind = "phantom archive" if counts.phantoms == counts.images else "archive"
    st.html(
        tag("div", f"med{tag('span', 'neg')}", kind="mn-title")
        + tag("div", text(f"{kind} · {counts.images:,} images"), kind="mn-dim")
    )


def show_filters(store: Archive) -> Where:
    """Draw the filters and give what they stand for."""
    views = _pills(store, "view", "View")
    sexes = _pills(store, "sex", "Sex")
    low, high = st.slider("Age", 0, OLDEST, (0, OLDEST), key="age", bind="query-params")
    first, last = st.columns(2)
    since, until = _date(first, "from", "Study from"), _date(last, "to", "to")
    modalities = _pills(store, "modality", "Modality")
    return Where(
        views=views,
        sexes=sexes,
        age_min=low or None,
        age_max=high if high < OLDEST else None,
        date_from=since,
        date_to=until,
        modalities=modalities,
        findings=_recorded(),
    )


def _pills(store: Archive, column: str, label: str) -> tuple[str, ...]:
    options = store.values(column)
    if len(options) < 2:
        return ()
    chosen = st.pills(label, options, selection_mode="multi", key=column, bind="query-params")
    return tuple(chosen or ())


def _date(place: DeltaGenerator, key: str, label: str) -> str | None:
    chosen = place.date_input(
        label,
        None,
        key=key,
        bind="query-params",
        format="YYYY-MM-DD",
        min_value=date(1970, 1, 1),
        max_value=date(2100, 1, 1),
    )
    return chosen.isoformat() if chosen else None


def _recorded() -> tuple[FindingFilter, ...]:
    words = lexicon()
    names = {finding.name: finding.id for finding in words.findings if finding.kind in ("finding", "device")}
    name = st.selectbox(
        "Recorded in report or labels",
        sorted(names),
        index=None,
        placeholder="any",
        key="recorded",
        bind="query-params",
    )
    state = st.segmented_control(
        "State",
        STATES,
        default="present",
        required=True,
        label_visibility="collapsed",
        disabled=name is None,
        key="state",
        bind="query-params",
    )
    if name is None or state is None:
        return ()
    return (FindingFilter(ids=(names[name], *words.descendants(names[name])), state=state),)
