"""From page to page, by links that stand under the title."""

from __future__ import annotations

import streamlit as st

PAGES = {"search_page.py": "Search", "diagnostics_page.py": "Diagnostics"}
"""Files beside main.py and their titles. The first stands at the root of the address, others at theirs."""


HELD = "search_address"


def keep_address() -> None:
    """Remember where the search is, so that the way back leads to it."""
    st.session_state[HELD] = {name: st.query_params.get_all(name) for name in st.query_params}


def show_links() -> None:
    """Draw a link to every page; the one to the search leads to where it was left."""
    with st.container(horizontal=True, gap="small", key="pages"):
        for number, (file, title) in enumerate(PAGES.items()):
            st.page_link(file, label=title, query_params=None if number else st.session_state.get(HELD))
