"""The page, which ``app.serving`` serves with the archive in MEDNEG_ARCHIVE."""

from __future__ import annotations

import logging
from pathlib import Path

import streamlit as st

from app.navigation import PAGES
from app.serving.logs import event
from medneg.errors import ArchiveUnavailable, MednegError

STYLE = Path(__file__).with_name("assets") / "style.css"


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config(page_title="medneg", page_icon="🩻", layout="wide")
    st.html(STYLE)
    pages = [
        st.Page(file, title=title, url_path=title.lower(), default=number == 0)
        for number, (file, title) in enumerate(PAGES.items())
    ]
    page = st.navigation(pages, position="hidden")
    try:
        page.run()
    except ArchiveUnavailable:
        event("archive_unavailable", logging.WARNING)
        st.error("The archive cannot be reached just now. Try again.")
        st.button("Try again", key="again")
    except MednegError as error:
        st.error(str(error))


if __name__ == "__main__":
    main()
