"""The sidebar: which model answers, and how it scores."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.markup import tag, text
from app.towers import OfferedTower, offered_towers
from medneg import encoders, scoring
from medneg.archive import Archive
from medneg.scoring import SpaceName
from medneg.search import DEFAULT_METHOD, DEFAULT_SPACE
from medneg.values import EncoderCard

SHOWN = (10, 20, 50, 100)
SPACES: dict[SpaceName, str] = {"raw": "as stored", "centred": "centred"}
BASE = "as published"
"""The text tower that came with the encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How hits are found, ``encoder`` and ``text_encoder`` as ``medneg.encoders.load`` takes them."""

    method: str
    space: SpaceName
    encoder: str
    text_encoder: str | None
    k: int


def show_scoring(store: Archive) -> Scoring | None:
    """Draw the controls; None where the archive has nothing embedded yet.

    Raises:
        MednegError: if a text tower that the operator named is no longer there.
    """
    cards = encoder_cards(store)
    encoder = st.selectbox("Encoder", list(cards), key="encoder", bind="query-params") if cards else None
    tower = _show_towers(offered_towers(cards[encoder].image_fingerprint)) if encoder else None
    method = _show_method(_methods(store, cards[encoder]) if encoder else ())
    coded = scoring.METHODS[method].needs_head
    space = st.segmented_control(
        "Space",
        tuple(SPACES),
        default=DEFAULT_SPACE,
        required=True,
        format_func=SPACES.__getitem__,
        key="space",
        bind="query-params",
        disabled=coded,
        help="Codes are compared as they are stored." if coded else None,
    )
    k = st.segmented_control("Hits", SHOWN, default=20, required=True, key="k", bind="query-params")
    if encoder is None:
        return None
    return Scoring(
        method=method,
        space="raw" if coded else space or DEFAULT_SPACE,
        encoder=encoder,
        text_encoder=tower,
        k=k or 20,
    )


def encoder_cards(store: Archive) -> dict[str, EncoderCard]:
    """By name the encoders that embedded the archive, the one with most images first.

    The codes of a head are a space too, but no words are encoded into it.
    """
    cards = (card for space in store.spaces() for card in space.cards)
    return {card.name: card for card in cards if card.text_fingerprint}


def _methods(store: Archive, card: EncoderCard) -> tuple[str, ...]:
    """The default first; those that work in a head's codes only where the archive holds its codes."""
    head = encoders.head_for(card)
    held = {space.image_fingerprint for space in store.spaces() if space.count}
    coded = head is not None and head.code_fingerprint in held
    usable = [name for name, each in scoring.METHODS.items() if coded or not each.needs_head]
    return tuple(dict.fromkeys((DEFAULT_METHOD, *usable)))


def _show_method(names: tuple[str, ...]) -> str:
    """Every method with its line, behind a button that says which one is chosen."""
    names = names or (DEFAULT_METHOD,)
    held = st.session_state.get("method") or st.query_params.get("method")
    st.html(tag("div", "Method", kind="mn-label"))
    with st.popover(held if held in names else DEFAULT_METHOD, width="stretch", key="methods"):
        method: str = st.radio(
            "Method",
            names,
            captions=[scoring.METHODS[name].summary for name in names],
            key="method",
            bind="query-params",
        )
    chosen = scoring.METHODS[method]
    st.caption(chosen.summary, help=f"Source: {chosen.source}")
    return method


def _show_towers(towers: dict[str, OfferedTower]) -> str | None:
    """The chooser, and where the chosen tower lies; None for the base's own."""
    if not towers:
        return None
    name = st.selectbox("Text tower", (BASE, *towers), key="text", bind="query-params")
    tower = towers.get(name)
    if tower is None:
        return None
    made = tower.card.lineage[-1].partition(":")[0] if tower.card.lineage else "tuned"
    st.html(tag("div", text(f"{made} · {tower.card.licence}"), kind="mn-note"))
    return tower.location
