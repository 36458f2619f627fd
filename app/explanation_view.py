"""Why an image is where it is: its score's arithmetic, its counter-examples, what the tower heard."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.answers import terms_of
from app.argument import arithmetic, chances, points, scale
from app.counterexamples import CounterExample, counter_examples
from app.grid import open_image, who
from app.heard import heard, heard_html
from app.markup import MARKS, bar, panel, picture, tag, text
from app.search_view import Asked
from app.serving.thumbs import thumb
from medneg.archive import Archive, ImageRow
from medneg.errors import EncoderError
from medneg.values import Contribution


def show_argument(store: Archive, asked: Asked, row: ImageRow) -> None:
    """What each mention added to the image's score or took from it, whether or not it is among the hits."""
    query, answer = asked.answer.query, asked.answer
    hit = next((hit for hit in answer.hits if hit.image_id == row.id), None)
    terms = _terms(store, asked, row) if hit is None else hit.terms
    argument = points(query, terms)
    longest = scale([argument, *(points(query, other.terms) for other in answer.hits)])
    bars = "".join(
        bar(MARKS[p.polarity] if p.polarity else "", p.label, p.value, scale=longest, polarity=p.polarity)
        for p in argument
    )
    title = (
        f"Not among the {len(answer.hits)} hits"
        if hit is None
        else f"Why it is here · rank {hit.rank} of {answer.considered:,}"
    )
    score = sum(term.value for term in terms)
    lines = [f"{arithmetic(argument, score)}. Method {answer.method}."]
    known = chances(argument)
    if known:
        lines.insert(0, f"{' · '.join(known)}: for images like those of this archive, and no diagnosis.")
    st.html(panel(title, bars + "".join(tag("div", text(line), kind="mn-note") for line in lines)))


def show_counter_examples(store: Archive, asked: Asked, row: ImageRow) -> None:
    """Nearest images that differ in one mention, each of which opens at a click."""
    found = counter_examples(store, asked.encoder, asked.request, row.id)
    if not found:
        return
    scores = [sum(term.value for term in _terms(store, asked, each.row)) for each in found]
    with st.container(key="counters", gap="small"):
        st.html(tag("div", "Most alike, and yet another answer", kind="mn-heading"))
        with st.container(horizontal=True, gap="small", key="counters_row"):
            for place, (each, score) in enumerate(zip(found, scores, strict=True)):
                _show_counter(store, each, score, place)
        st.html(tag("div", text(f"What images show: as {found[0].told} have it."), kind="mn-note"))


def show_heard(store: Archive, asked: Asked, row: ImageRow, *, place: DeltaGenerator) -> None:
    """Which words of the sentence speak for this image, where the encoder lets itself be looked into."""
    card, sentence = asked.encoder.card, asked.answer.query.sentence
    try:
        with place, st.spinner("Asking the text encoder …"):
            found = heard(store, asked.encoder, card.text_fingerprint, sentence, row.id)
    except EncoderError:  # it gives embeddings only
        return
    place.html(panel("What the text encoder heard", heard_html(found)))


def _terms(store: Archive, asked: Asked, row: ImageRow) -> tuple[Contribution, ...]:
    (terms,) = terms_of(store, asked.encoder, asked.request, [row.id])
    return terms


def _show_counter(store: Archive, each: CounterExample, score: float, place: int) -> None:
    mark = MARKS[each.mention.polarity]
    does = f"shows {each.mention.text}" if each.shows else f"no {each.mention.text}"
    body = picture(thumb(each.row), f"radiograph, {who(each.row)}")
    said = tag("b", f"{mark} {text(does)}") + tag("span", text(who(each.row)))
    said += tag("span", text(f"cosine {each.similarity:.2f} · score {score:.3f}".replace("-", "−")))
    with st.container(key=f"counter_{place}_{each.mention.polarity}", gap=None, width="content"):
        st.html(tag("div", body + tag("div", said), kind="mn-counter"))
        st.button(
            f"Open the counter-example: {does}",
            key=f"open_counter_{place}",
            on_click=open_image,
            args=(each.row.id,),
            width="stretch",
        )
