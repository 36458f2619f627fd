"""The sidebar's promise: of the images that remain, at most so many carry what is excluded."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.markup import tag, text
from medneg.promises import CONFIDENCE, Promise
from medneg.query import lexicon

RISKS = {"none": None, "10%": 0.10, "5%": 0.05, "2%": 0.02, "1%": 0.01}
"""How many of the images that remain may carry what is excluded."""

SURE = f"{CONFIDENCE:.0%} confidence"


def show_promise() -> tuple[float | None, DeltaGenerator]:
    """Draw the control.

    Returns:
        The share that was chosen, and a place below the control to say what became of it.
    """
    chosen = st.segmented_control(
        "Exclusion promise", tuple(RISKS), default="none", required=True, key="promise", bind="query-params"
    )
    risk = RISKS[chosen or "none"]
    below = st.container(key="promised")
    if risk is None:
        below.caption("Nothing is promised of what the query excludes.")
    else:
        below.caption(f"At most {risk:.0%} of the images that remain carry what is excluded ({SURE}).")
    return risk, below


def kept(promise: Promise) -> str:
    """What a promise came to, as HTML."""
    names = " or ".join(lexicon().finding(finding).name for finding in promise.findings)
    head = f"{promise.remaining:,} of {promise.fitting:,} images remain"
    rest = (
        f" of those that probably show what is wanted: {promise.labelled:,} labelled for {names}, of which "
        f"{promise.carrying:,} carry it, and {promise.unseen:,} without a label."
    )
    if promise.unseen == 0:
        rest += " The promise is for further images from the same source."
    return tag("div", tag("b", text(head)) + text(rest), kind="mn-note")


def drop_promise() -> None:
    """Search without a promise."""
    st.session_state["promise"] = "none"
