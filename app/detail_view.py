"""One image as at a workstation, beside everything that is known of it and may be shown."""

from __future__ import annotations

import re

import streamlit as st

from app.explanation_view import show_argument, show_counter_examples, show_heard
from app.grid import open_image
from app.markup import panel, tag, text
from app.picture_view import Look
from app.report_marks import report_html
from app.search_view import Asked, phantom_alarm
from app.stage_view import show_stage
from medneg.archive import Archive, ImageRow
from medneg.errors import MednegError
from medneg.query import lexicon


def show(store: Archive, image_id: str, asked: Asked | None) -> Look | None:
    """Draw the detail view.

    Args:
        store: the archive.
        image_id: as it stands in the address bar; anything may stand there.
        asked: the search that led here, if any.

    Returns:
        How the image is looked at; None when there is no such image.
    """
    row = _find(store, image_id)
    if row is None:
        st.error("There is no such image in this archive.")
        st.button("Back to the hits", on_click=_close, shortcut="Esc")
        return None
    alarm = phantom_alarm(asked.encoder.card, [row]) if asked else None
    if alarm:
        st.error(alarm)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        look = show_stage(store, asked, row)
    with right:
        _show_way(asked, row)
        if asked:
            show_argument(store, asked, row)
            show_counter_examples(store, asked, row)
            hearing = st.container(key="hearing")
        _show_report(store, row)
        _show_recorded(store, row)
        _show_header(row)
    if asked:
        show_heard(
            store, asked, row, place=hearing
        )  # last: it takes a moment that the rest need not wait for
    return look


def header_lines(row: ImageRow) -> list[tuple[str, str]]:
    """What the header says that is not personal, for people."""
    lines = [
        ("Modality / view", f"{row.modality or 'not stated'} / {row.view or 'not stated'}"),
        ("Rows × columns", f"{row.rows} × {row.columns}"),
        ("Grey scale", row.grey_scale),
        ("Study date", row.study_date or "not stated"),
        ("Patient", f"pseudonym {row.patient[:8]}"),
    ]
    lines += [(_words(keyword), value) for keyword, value in sorted(row.header.items())]
    return [*lines, ("Personal fields", "not stored")]


def _words(keyword: str) -> str:
    """A DICOM keyword as words: "PhotometricInterpretation" is read, "KVP" is not torn apart."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", keyword)


def _find(store: Archive, image_id: str) -> ImageRow | None:
    if not image_id.isdecimal() or len(image_id) > 18:
        return None
    try:
        return store.images([int(image_id)])[0]
    except MednegError:
        return None


def _close() -> None:
    del st.query_params["image"]


def _show_way(asked: Asked | None, row: ImageRow) -> None:
    """Buttons back to the hits and on to their neighbours."""
    ids = [hit.image_id for hit in asked.answer.hits] if asked else []
    place = ids.index(row.id) if row.id in ids else None
    with st.container(horizontal=True, key="way"):
        st.button("Back to the hits", key="back", on_click=_close, shortcut="Esc")
        _show_step("Previous", "Left", None if place is None or place == 0 else ids[place - 1])
        _show_step("Next", "Right", None if place is None or place + 1 == len(ids) else ids[place + 1])


def _show_step(label: str, shortcut: str, image_id: int | None) -> None:
    st.button(
        label,
        key=label.lower(),
        on_click=open_image,
        args=(image_id,),
        disabled=image_id is None,
        shortcut=shortcut,
    )


def _show_report(store: Archive, row: ImageRow) -> None:
    report = store.report(row.id)
    if report:
        st.html(panel("Report", report_html(report)))


def _show_recorded(store: Archive, row: ImageRow) -> None:
    states = store.findings([row.id], source="manifest").get(row.id, {})
    words = lexicon()
    present = sorted(
        words.finding(f).name for f, state in states.items() if state == "present" and f in words
    )
    if states:
        st.html(panel("Recorded in the labels", text(", ".join(present) or "none of the labelled findings")))


def _show_header(row: ImageRow) -> None:
    lines = "".join(
        tag("tr", tag("td", text(name)) + tag("td", text(value))) for name, value in header_lines(row)
    )
    st.html(panel("Header", tag("table", tag("tbody", lines), kind="mn-header")))
