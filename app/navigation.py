"""From page to page, by links that stand under the title."""

from __future__ import annotations

import streamlit as st

PAGES = {"search_page.py": "Search", "diagnostics_page.py": "Diagnostics"}
"""Files beside main.py, the first one's page stands at the root of the address."""


def show_links() -> None:
    """Draw a link to every page."""
    with st.container(horizontal=True, gap="small", key="pages"):
        for file, title in PAGES.items():
            st.page_link(file, label=title)
