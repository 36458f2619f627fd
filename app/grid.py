"""Hits as cards: the picture first, then who and when, then the argument in bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.argument import Point, chances, lacks, points, violations
from app.markup import MARKS, bar, picture, tag, text
from app.serving.thumbs import thumb
from medneg.archive import Archive, ImageRow
from medneg.query import lexicon
from medneg.search import Answer
from medneg.values import Contribution, Hit, Query

CARD_WIDTH = 208
"""Pixels. A wider screen shows more cards, not bigger ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One hit, ready to be drawn; ``shows`` and ``lacks`` are what is recorded against it."""

    hit: Hit
    row: ImageRow
    argument: tuple[Point, ...]
    shows: tuple[str, ...]
    lacks: tuple[str, ...]


def make_cards(
    store: Archive, answer: Answer, query: Query, terms: Sequence[Sequence[Contribution]]
) -> list[Card]:
    """Gather what the cards of an answer show.

    Args:
        store: the archive that answered.
        answer: whose hits.
        query: the reading that judges them, which plain CLIP does not share.
        terms: for each hit the contributions that its bars tell.
    """
    ids = [hit.image_id for hit in answer.hits]
    states = store.findings(ids, source="manifest")
    words = lexicon()
    return [
        Card(
            hit=hit,
            row=row,
            argument=tuple(points(query, parts)),
            shows=tuple(violations(query, states.get(hit.image_id, {}), words)),
            lacks=tuple(lacks(query, states.get(hit.image_id, {}), words)),
        )
        for hit, row, parts in zip(answer.hits, store.images(ids), terms, strict=True)
    ]


def show_cards(cards: Sequence[Card], *, name: str, longest: float, strip: bool) -> None:
    """Draw cards that open the detail view when they are clicked.

    Args:
        cards: in the order of their ranks.
        name: keeps the keys of two rows of cards apart.
        longest: the |value| that fills a bar.
        strip: one row that scrolls sideways, in place of as many rows as it takes.
    """
    with st.container(
        horizontal=True, gap="small", key=f"{'strip' if strip else 'grid'}_{name}", wrap=not strip
    ):
        for card in cards:
            _show(card, name, longest)


def open_image(image_id: int) -> None:
    """Go to the detail view of an image."""
    st.query_params["image"] = str(image_id)


def who(row: ImageRow) -> str:
    """Say view, sex and age in a few characters: "PA · F 61"."""
    person = " ".join(part for part in (row.sex, f"{row.age:.0f}" if row.age is not None else None) if part)
    view = "lateral" if row.view == "LATERAL" else row.view
    return " · ".join(part for part in (view, person) if part) or "view not stated"


def _show(card: Card, name: str, longest: float) -> None:
    bad = "_against" if card.shows else ""
    with st.container(key=f"card_{name}_{card.hit.rank}{bad}", width=CARD_WIDTH, gap=None):
        st.html(card_html(card, longest))
        st.button(
            f"Open image {card.hit.rank} of {name}",
            key=f"open_{name}_{card.hit.rank}",
            on_click=open_image,
            args=(card.hit.image_id,),
            width="stretch",
        )


def card_html(card: Card, longest: float) -> str:
    """The card without its button."""
    marks = [tag("span", text(f"shows {finding}"), kind="mn-shows") for finding in card.shows]
    marks += [tag("span", text(f"no {finding}"), kind="mn-lacks") for finding in card.lacks]
    head = (
        tag("b", str(card.hit.rank))
        + tag("span", text(who(card.row)))
        + tag("time", text((card.row.study_date or "")[:7]))
    )
    bars = "".join(
        bar(
            MARKS[point.polarity] if point.polarity else "",
            point.label,
            point.value,
            scale=longest,
            polarity=point.polarity,
        )
        for point in card.argument
    )
    known = "".join(tag("span", text(chance)) for chance in chances(card.argument))
    return (
        tag(
            "div",
            picture(thumb(card.row), f"radiograph, {who(card.row)}") + tag("div", "".join(marks)),
            kind="mn-picture",
        )
        + tag("div", head, kind="mn-who")
        + bars
        + tag("div", known, kind="mn-chances")
    )
