"""The search, and one image in its place when the address bar names one."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import detail_view, search_view
from app.hands import ears, listen
from app.navigation import keep_address
from app.resources import archive_location, open_archive

DETAIL_STYLE = Path(__file__).with_name("assets") / "detail.css"


def main() -> None:
    """Draw the page.

    Raises:
        MednegError: if there is no archive, or the operator's text towers are gone.
    """
    store = open_archive(archive_location())
    keep_address()
    listening = ears()
    image = st.query_params.get("image")
    if image is not None:
        # The search stays on the page, unseen, so that its state and its answer outlive the visit.
        st.html(DETAIL_STYLE)
    asked = search_view.ask(store)
    look = None
    if image is not None:
        look = detail_view.show(store, image, asked)
    elif asked is not None:
        search_view.show_hits(store, asked)
    listen(listening, look)


if __name__ == "__main__":
    main()
