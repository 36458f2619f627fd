"""One image as at a workstation, beside everything that is known of it and may be shown."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from app.explanation_view import show_argument, show_counter_examples, show_heard
from app.grid import open_image, who
from app.markup import panel, tag, text
from app.picture_view import LIMITS, Look, render
from app.report_marks import report_html
from app.search_view import Asked, phantom_alarm
from medneg import dicom
from medneg.archive import Archive, ImageRow
from medneg.errors import MednegError, UnreadableImage
from medneg.query import lexicon

HANDS = "drag: window and level · Shift and drag: move · wheel: zoom · double click: the whole image"


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
        look = _show_picture(store, row)
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


@st.cache_data(max_entries=8, show_spinner="Reading the image …")
def _pixels(_store: Archive, path: str, sha256: str) -> NDArray[np.float32]:
    """The whole image; ``sha256`` only tells one content of a path from another."""
    return dicom.read(Path(path), key=_store.pseudonym_key).pixels


def _picture(store: Archive, row: ImageRow) -> NDArray[np.float32] | None:
    """The whole image, its thumbnail where the file is gone, or nothing."""
    try:
        return _pixels(store, row.path, row.sha256)
    except UnreadableImage as error:
        st.warning(f"Only the thumbnail is left. The file cannot be read: {error.reason}")
    jpeg = store.thumbnail(row.id)
    return (
        None
        if jpeg is None
        else np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.float32) / np.float32(255)
    )


def _find(store: Archive, image_id: str) -> ImageRow | None:
    if not image_id.isdecimal() or len(image_id) > 18:
        return None
    try:
        return store.images([int(image_id)])[0]
    except MednegError:
        return None


def _close() -> None:
    del st.query_params["image"]


def _show_picture(store: Archive, row: ImageRow) -> Look:
    stage = st.container(key="stage")
    look = _show_controls()
    others = [other for other in store.images_of_patient(row.patient) if other.study != row.study]
    prior = _prior(row, others)
    beside = prior is not None and st.toggle(
        f"Prior of {prior.study_date or 'unknown date'} beside", key="beside", bind="query-params"
    )
    with stage:
        shown = {"": row} if prior is None or not beside else {"current · ": row, "prior · ": prior}
        for column, (name, image) in zip(st.columns(len(shown)), shown.items(), strict=True):
            with column:
                _show_one(store, image, look, name)
    return look


def _show_one(store: Archive, row: ImageRow, look: Look, name: str) -> None:
    pixels = _picture(store, row)
    if pixels is None:
        st.warning("There is no picture of this image.")
        return
    st.html(
        tag(
            "div",
            tag("span", text(f"{name}{who(row)} · {row.study_date or 'date not stated'}"))
            + tag("span", f"W {look.window} L {look.level} · {look.zoom:.1f} ×"),
            kind="mn-overlay",
        )
    )
    st.image(render(pixels, look), width="stretch", alt=f"radiograph, {who(row)}")


def _show_controls() -> Look:
    with st.container(horizontal=True, key="controls", vertical_alignment="bottom"):
        window = _slider("window", 100, 1)
        level = _slider("level", 50, 1)
        zoom = _slider("zoom", 1.0, 0.5)
        across = _slider("across", 50, 1) if zoom > 1 else 50
        down = _slider("down", 50, 1) if zoom > 1 else 50
        inverted = st.toggle("Invert", key="invert", bind="query-params")
    st.html(tag("div", text(HANDS), kind="mn-note"))
    return Look(window=window, level=level, inverted=inverted, zoom=zoom, across=across, down=down)


def _slider(name: str, start: int | float, step: int | float) -> int | float:
    low, high = LIMITS[name]
    return st.slider(
        name.capitalize(),
        low,
        high,
        start,
        step,
        key=name,
        bind="query-params",
        width=120 if step == 1 else 100,
    )


def _prior(row: ImageRow, others: list[ImageRow]) -> ImageRow | None:
    """The latest earlier image of the patient, of the same view where there is one."""
    if row.study_date is None:
        return None
    earlier = [other for other in others if other.study_date and other.study_date < row.study_date]
    return max(earlier, key=lambda other: (other.view == row.view, other.study_date or ""), default=None)


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
