"""The picture as at a workstation: window and level, zoom, the prior beside it, and maps laid over it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from app.grid import who
from app.markup import MARKS, tag, text
from app.picture_view import LIMITS, Look, render
from app.regions import can_be_mapped, layers, regions
from app.search_view import Asked
from medneg import dicom
from medneg.archive import Archive, ImageRow
from medneg.errors import UnreadableImage

HANDS = "drag: window and level · Shift and drag: move · wheel: zoom · double click: the whole image"
MAPS = "Striped for what is unwanted. It need not be where the finding is."


def show_stage(store: Archive, asked: Asked | None, row: ImageRow) -> Look:
    """Draw the picture and its controls.

    Args:
        store: the archive.
        asked: the search that led here, whose mentions may be mapped.
        row: the image.

    Returns:
        How it is looked at.
    """
    stage = st.container(key="stage")
    chosen = _choose_maps(asked) if asked else ()
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
                _show_one(store, image, look, name, maps=(asked, chosen) if image is row else (None, ()))
    return look


def _choose_maps(asked: Asked) -> tuple[int, ...]:
    """Places of the mentions whose maps are to be laid over the picture."""
    mentions = asked.answer.query.mentions
    if not mentions or not can_be_mapped(asked.encoder):
        return ()
    names = [f"{MARKS[mention.polarity]} {mention.text}" for mention in mentions]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="looks"):
        st.html(tag("div", "Where the image tower looks", kind="mn-note"), width="content")
        held = st.pills(
            "Where the image tower looks",
            names,
            selection_mode="multi",
            label_visibility="collapsed",
            key="maps",
            bind="query-params",
        )
        if held:
            st.html(tag("div", text(MAPS), kind="mn-note"), width="content")
    return tuple(place for place, name in enumerate(names) if name in held)


def _show_one(
    store: Archive, row: ImageRow, look: Look, name: str, *, maps: tuple[Asked | None, tuple[int, ...]]
) -> None:
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
    asked, chosen = maps
    over = layers(regions(asked.encoder, asked.answer.query, row, pixels), chosen) if asked and chosen else ()
    st.image(render(pixels, look, over), width="stretch", alt=f"radiograph, {who(row)}")


def _show_controls() -> Look:
    with st.container(horizontal=True, key="controls", vertical_alignment="bottom"):
        window = int(_slider("window", 100, 1))
        level = int(_slider("level", 50, 1))
        zoom = _slider("zoom", 1.0, 0.5)
        across = int(_slider("across", 50, 1)) if zoom > 1 else 50
        down = int(_slider("down", 50, 1)) if zoom > 1 else 50
        inverted = st.toggle("Invert", key="invert", bind="query-params")
    st.html(tag("div", text(HANDS), kind="mn-note"))
    return Look(window=window, level=level, inverted=inverted, zoom=zoom, across=across, down=down)


def _slider(name: str, start: float, step: float) -> float:
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
