"""The main view: a sentence, its reading, and the images that argue for themselves."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app import chips
from app.answers import Request, chosen_answer, forget_answers, plain_answer, terms_of
from app.argument import scale
from app.filters_view import show_filters, show_title
from app.grid import Card, make_cards, show_cards
from app.markup import banner_html, tag, text
from app.promises_view import drop_promise, kept, show_promise
from app.resources import load_encoder, load_parser
from app.scoring_view import Scoring, show_scoring
from app.serving.turns import Busy
from medneg import encoders
from medneg.archive import Archive, ImageRow, Where
from medneg.encoders import Encoder
from medneg.errors import ArchiveUnavailable, MednegError, PromiseError
from medneg.search import Answer
from medneg.values import EncoderCard

EXAMPLES = (
    "effusion but no calcification",
    "cardiomegaly without edema",
    "pacemaker and no effusion",
    "nodule but not a calcified granuloma",
    "no pneumothorax",
)
NOTHING_EXCLUDED = tag("div", "The query excludes nothing: there is nothing to promise.", kind="mn-note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its answer, and with plain CLIP's when it is compared."""

    request: Request
    encoder: Encoder
    answer: Answer
    plain: Answer | None


def ask(store: Archive) -> Asked | None:
    """Draw everything above the hits and search; None when there is nothing to show.

    Raises:
        MednegError: if a text tower that the operator named is no longer there.
    """
    banner = st.container(key="banner")
    raw = _show_query_box()
    with st.sidebar:
        show_title(store)
        where = show_filters(store, raw)
        scoring = show_scoring(store)
        risk, promised = show_promise()
    if scoring is None:
        st.info("This archive holds no image yet. Bring some in: `medneg ingest FOLDER --archive ARCHIVE`")
        return None
    try:
        encoder = load_encoder(scoring.encoder, scoring.text_encoder)
        banner.html(banner_html(encoder.card))
        if not raw.strip():
            return None
        asked = _answered(store, encoder, scoring, raw, (where, risk))
        if risk is not None:
            kept_promise = asked.answer.promise
            promised.html(kept(kept_promise) if kept_promise else NOTHING_EXCLUDED)
        return asked
    except ArchiveUnavailable:
        raise  # no reader needs to know where it stands: see main.py
    except Busy as busy:
        st.warning(str(busy).capitalize() + ".")
        st.button("Search again", key="busy")
        return None
    except PromiseError as error:
        promised.html(tag("div", "The promise cannot be made.", kind="mn-note mn-uncertain"))
        st.warning(str(error))
        st.button("Search without the promise", key="no_promise", on_click=drop_promise)
        return None
    except MednegError as error:
        st.error(str(error))
        return None


def _answered(
    store: Archive, encoder: Encoder, scoring: Scoring, raw: str, limits: tuple[Where, float | None]
) -> Asked:
    """Draw the reading of a sentence and search; ``limits`` are the filters and the promise's risk."""
    where, risk = limits
    with st.container(key="reading"):
        reading = chips.read(raw, load_parser())
        chips.show(reading, encoder.card.findings)
        line = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        compare = line.toggle("Compare with plain CLIP", key="compare", bind="query-params")
    request = Request(
        query=reading.query,
        method=scoring.method,
        space=scoring.space,
        encoder=scoring.encoder,
        text_encoder=scoring.text_encoder,
        k=scoring.k,
        where=where,
        exclude_risk=risk if reading.query.negated else None,
    )
    found = chosen_answer(store, encoder, request)
    line.html(promise(found), width="content")
    plain = plain_answer(store, load_encoder(scoring.encoder), request) if compare else None
    return Asked(request=request, encoder=encoder, answer=found, plain=plain)


def show_hits(store: Archive, asked: Asked) -> None:
    """Draw the promise, the hits, and plain CLIP's hits below them."""
    found = asked.answer
    rows = store.images([hit.image_id for hit in found.hits])
    alarm = phantom_alarm(asked.encoder.card, rows)
    if alarm:
        st.error(alarm)
    for warning in found.warnings:
        # The parser's own warnings stand under the chips; the alarm above says what the phantom model is.
        if warning not in found.query.warnings and warning.code != "not_a_phantom":
            st.html(tag("div", text(f"! {warning.message}"), kind="mn-note mn-uncertain"))
    if not found.hits:
        st.info("No image passes the filters.")
        return
    cards = make_cards(store, found, found.query, [hit.terms for hit in found.hits])
    if asked.plain is None:
        show_cards(cards, name="medneg", longest=scale(card.argument for card in cards), strip=False)
    else:
        _show_rows(cards, _plain_cards(store, asked, asked.plain))


def _plain_cards(store: Archive, asked: Asked, plain: Answer) -> list[Card]:
    """Plain CLIP's hits, judged by medneg's reading: the same chips, the same bars."""
    terms = terms_of(store, asked.encoder, asked.request, [hit.image_id for hit in plain.hits])
    return make_cards(store, plain, asked.answer.query, terms)


def _show_rows(ours: list[Card], plain: list[Card]) -> None:
    longest = scale(card.argument for card in ours + plain)
    st.html(_row_title("medneg", "wanted ● and not unwanted ⊘"))
    show_cards(ours, name="medneg", longest=longest, strip=True)
    st.html(_row_title("plain CLIP", "cosine with the whole sentence; bars as medneg sees these images"))
    show_cards(plain, name="plain CLIP", longest=longest, strip=True)


def promise(found: Answer) -> str:
    """Say what the ranking is worth, as HTML: exact or not, over how many images, how and in which time."""
    kind = "✓ exact" if found.exact else "≈ approximate"
    over = tag("span", f"{kind} over {found.considered:,} images", kind="mn-exact" if found.exact else "")
    met = f" · at most {found.promise.risk:.0%} carry what is excluded" if found.promise else ""
    way = tag("span", text(found.index), kind="mn-dim")
    return tag("div", f"{over}{met} · {found.seconds * 1000:.0f} ms · {way}", kind="mn-promise")


def phantom_alarm(card: EncoderCard, rows: tuple[ImageRow, ...] | list[ImageRow]) -> str | None:
    """What must be said when the model that knows drawings only has ranked other images."""
    real = sum(not row.phantom for row in rows)
    base = card.name.partition("+")[0]  # a tuned text tower puts its name behind its base's
    if base != encoders.DEFAULT or not real:
        return None
    which = "This image is" if len(rows) == 1 else f"{real} of these {len(rows)} images are"
    return (
        f"{which} no phantom. The model {card.name} was trained on drawings only: what it says of "
        f"patients' images means nothing. Choose another encoder (`medneg encoders`)."
    )


def _show_query_box() -> str:
    with st.container(key="ask"):
        with st.container(horizontal=True, gap="small", wrap=False, vertical_alignment="center"):
            raw = st.text_input(
                "Query",
                key="q",
                bind="query-params",
                placeholder="What should an image show, and what not?",
                label_visibility="collapsed",
                on_change=chips.forget,
            )
            st.button("Search", key="search", type="primary", on_click=_ask_anew)
        if not raw.strip():
            st.html(tag("div", "For example", kind="mn-invite"))
            with st.container(horizontal=True, key="examples"):
                for place, example in enumerate(EXAMPLES):
                    st.button(example, key=f"example_{place}", on_click=_put_query, args=(example,))
    return raw


def _ask_anew() -> None:
    forget_answers()
    chips.read_anew()


def _put_query(words: str) -> None:
    st.session_state["q"] = words
    chips.forget()


def _row_title(name: str, what: str) -> str:
    return tag("div", tag("b", text(name)) + tag("span", text(what), kind="mn-dim"), kind="mn-row-title")
