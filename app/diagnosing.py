"""A small diagnosis on demand, of the models that the page offers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from app.resources import archive_location, load_encoder
from app.scoring_view import encoder_cards
from app.towers import offered_towers
from medneg.archive import Archive
from medneg.diagnostics.running import diagnose
from medneg.diagnostics.writing import PARTS, write_report
from medneg.errors import MednegError

NAMED = "MEDNEG_REPORTS"
"""The environment variable in which `medneg ui --reports` hands its folder over."""

BESIDE = "diagnoses"
"""Where an archive in a folder keeps its reports."""


def reports_folder() -> Path | None:
    """The folder that the operator named, or one inside the archive's; None for an archive on a server."""
    named = os.environ.get(NAMED)
    if named:
        return Path(named)
    place = Path(archive_location())
    return place / BESIDE if place.is_dir() else None


def show_form(store: Archive, folder: Path) -> str | None:
    """Let a model and text towers to compare it with be chosen; run when asked to.

    Returns:
        The name of a report that was just made.
    """
    cards = encoder_cards(store)
    with st.form("diagnose", border=False):
        encoder = st.selectbox("Encoder", list(cards), key="diagnose_encoder")
        towers = offered_towers(cards[encoder].image_fingerprint) if encoder else {}
        chosen = st.multiselect("Beside it", list(towers), placeholder="text towers", key="diagnose_towers")
        asked = st.form_submit_button("Run a small one", disabled=encoder is None)
    if not asked or encoder is None:
        return None
    try:
        return _run(store, folder, encoder, {name: towers[name].location for name in chosen})
    except MednegError as error:
        st.error(str(error))
        return None


def _run(store: Archive, folder: Path, encoder: str, towers: Mapping[str, str]) -> str:
    """Diagnose, write the report, and give its name. Finished parts are kept: a second start goes on."""
    models = [load_encoder(encoder), *(load_encoder(encoder, place) for place in towers.values())]
    bar = st.progress(0.0, "Asking …")

    def show(done: int, total: int) -> None:
        share = min(done / max(total, 1), 1.0)
        bar.progress(share, f"Asking … {share:.0%}")

    found = diagnose(store, models, size="small", parts=folder / PARTS, progress=show)
    name = f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}"
    write_report(found, folder / name, command=_command(encoder, towers), pdf=False)
    bar.empty()
    return name


def _command(encoder: str, towers: Iterable[str]) -> str:
    """The command that makes such a report again; where things lie on this machine is not told."""
    named = "".join(f" --text-encoder {name}" for name in towers)
    return f"medneg diagnose --archive ARCHIVE --encoder {encoder}{named} --size small --out FOLDER"
