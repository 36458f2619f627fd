"""Keys that Streamlit keeps for itself, and the mouse on the picture; ``assets/hands.js`` listens to both."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.picture_view import LIMITS, Look

_FILTER = """
<svg width="0" height="0" style="position: absolute" aria-hidden="true">
  <filter id="mn-window" color-interpolation-filters="sRGB">
    <feComponentTransfer>
      <feFuncR type="linear"/><feFuncG type="linear"/><feFuncB type="linear"/>
    </feComponentTransfer>
  </filter>
</svg>
"""
_LISTEN = st.components.v2.component(
    "medneg_hands",
    html=_FILTER,
    js=Path(__file__).with_name("assets").joinpath("hands.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def ears() -> DeltaGenerator:
    """A place for ``listen``, to be taken before all else: what listens would go deaf if it moved."""
    return st.container(key="hands")


def listen(place: DeltaGenerator, look: Look | None = None) -> None:
    """Listen on this page.

    Args:
        place: where, from ``ears``.
        look: how the image on the page is looked at; None where there is none.
    """
    with place:
        _LISTEN(key="hand", data=asdict(look) if look else {}, on_look_change=_take)


def _take() -> None:
    """Set the sliders, which hold how an image is looked at, as the mouse left it."""
    said = st.session_state["hand"].look or {}
    for name, (low, high) in LIMITS.items():
        value = said.get(name)
        if isinstance(value, int | float):
            st.session_state[name] = type(low)(min(max(value, low), high))
    if said.get("zoom") == 1:  # then there is nothing to move, and the address need not say where to
        for name in ("across", "down"):
            st.query_params.pop(name, None)
