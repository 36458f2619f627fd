"""The page: ``streamlit run app/main.py`` with the archive in MEDNEG_ARCHIVE, as ``medneg ui`` does."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import detail_view, search_view
from app.hands import ears, listen
from app.resources import archive_location, open_archive
from medneg.errors import MednegError

ASSETS = Path(__file__).with_name("assets")


def main() -> None:
    """Draw the search, and one image in its place when the address bar names one."""
    st.set_page_config(page_title="medneg", page_icon="🩻", layout="wide")
    st.html(ASSETS / "style.css")
    try:
        store = open_archive(archive_location())
    except MednegError as error:
        st.error(str(error))
        return
    listening = ears()
    image = st.query_params.get("image")
    if image is not None:
        # The search stays on the page, unseen, so that its state and its answer outlive the visit.
        st.html(ASSETS / "detail.css")
    asked = search_view.ask(store)
    look = None
    if image is not None:
        look = detail_view.show(store, image, asked)
    elif asked is not None:
        search_view.show_hits(store, asked)
    listen(listening, look)


if __name__ == "__main__":
    main()
