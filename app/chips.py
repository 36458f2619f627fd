"""The reading of a query on the screen, and the hand that edits it: a chip per mention and per filter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import streamlit as st

from app.edits import STRENGTHS, decode, encode, only_filters, read_phrase, rebuilt, turned
from app.field_filters import remove_filter
from app.markup import MARKS, WORDS, plain, tag, text
from app.reading import doubts, doubts_html, link_css, notes, other_meanings, sentence_html, why
from medneg.errors import QueryError
from medneg.query import QueryParser, lexicon
from medneg.values import FieldFilter, Mention, Polarity, Query

CHIP = "chip"
"""The parameter of the address that carries edited chips, each "wanted:pleural effusion"."""

NEXT: dict[Polarity, Polarity] = {"affirmed": "negated", "negated": "uncertain", "uncertain": "affirmed"}
LONGEST = 60
"""Characters that a chip shows of its words; the sentence has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the parser made of the sentence, and what is asked: the same unless chips were edited."""

    typed: Query
    query: Query

    @property
    def edited(self) -> bool:
        """Whether the chips are what their user made of them."""
        return self.query is not self.typed


def read(raw: str, parser: QueryParser) -> Reading:
    """Read the sentence, or take the chips as their user left them: then the parser has no say.

    A sentence is read once: a language model that does not answer is not waited for at every click.

    Raises:
        QueryError: if the sentence or a chip cannot be read.
    """
    if st.session_state.get("read", ("", None))[0] != raw:
        st.session_state["read"] = (raw, parser.parse(raw))
    typed: Query = st.session_state["read"][1]
    chips = st.query_params.get_all(CHIP)
    query = rebuilt(typed, [decode(chip) for chip in chips], lexicon()) if chips else typed
    return Reading(typed=typed, query=query)


def read_anew() -> None:
    """Read the sentence again at the next run, even if it is the same."""
    st.session_state.pop("read", None)


def forget() -> None:
    """Drop edited chips and their history: a new sentence is read afresh."""
    st.session_state["undone"] = []
    if CHIP in st.query_params:
        del st.query_params[CHIP]


def show(reading: Reading, findings: tuple[str, ...] | None) -> None:
    """Draw the sentence, its doubts and the chips.

    Args:
        reading: what was typed and what will be asked.
        findings: the lexicon ids that the encoder knows; None for all.
    """
    query = reading.query
    st.html(link_css(len(query.mentions), len(doubts(query))))
    who = "asked now" if reading.edited else "" if query.parser == "grammar" else f"read by {query.parser}"
    title = tag("span", text(who), kind="mn-asked") if who else ""
    st.html(tag("div", title + sentence_html(query), kind="mn-reading") + doubts_html(query))
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="chips"):
        for place, mention in enumerate(query.mentions):
            _chip(reading, place, mention, findings)
        for place, each in enumerate(query.filters):
            _filter_chip(place, each)
        _adder(query)
        _way_back(reading)
    _suggestions(query)
    lines = "".join(tag("div", text(line), kind="mn-note") for line in notes(query, lexicon(), findings))
    if lines:
        st.html(lines)


def _chip(reading: Reading, place: int, mention: Mention, findings: tuple[str, ...] | None) -> None:
    """A sign that turns the chip, words that open its reasons and choices, a cross that removes it."""
    query = reading.query
    following = NEXT[mention.polarity]
    with st.container(
        horizontal=True, gap=None, width="content", key=f"chip_{place}_{mention.polarity}", wrap=False
    ):
        st.button(
            f"{MARKS[mention.polarity]} :small[make {plain(_short(mention))} {WORDS[following]}]",
            key=f"flip_{place}",
            on_click=_put,
            args=(query, place, turned(mention, following)),
        )
        label = f"{plain(_short(mention))} :small[{plain(details(mention))}]"
        # A key of its own for every finding and polarity: no open window passes on to another chip.
        with st.popover(label, key=f"why_{_name(place, mention)}", type="tertiary", width="content"):
            lines = why(mention, reading.typed, lexicon(), findings)
            st.html(tag("div", "".join(tag("p", text(line)) for line in lines), kind="mn-why"))
            _choices(query, place, mention)
        st.button(
            f"✕ :small[remove {plain(_short(mention))}]",
            key=f"drop_{place}",
            on_click=_put,
            args=(query, place, None),
        )


def _short(mention: Mention) -> str:
    """The words of a chip, cut where they would not leave room for its cross."""
    return mention.text if len(mention.text) <= LONGEST else f"{mention.text[: LONGEST - 1]}…"


def _name(place: int, mention: Mention) -> str:
    return f"{place}_{mention.polarity}_{mention.text}"


def _choices(query: Query, place: int, mention: Mention) -> None:
    """The polarity, and how firmly it holds. The keys name the present choice, so that none outlives it."""
    key = f"polarity_{_name(place, mention)}"
    st.segmented_control(
        "This finding is",
        tuple(WORDS),
        default=mention.polarity,
        required=True,
        format_func=lambda polarity: f"{MARKS[polarity]} {WORDS[polarity]}",
        key=key,
        on_change=lambda: _put(query, place, turned(mention, st.session_state[key])),
    )
    if mention.strength is None:
        return
    firmly = f"strength_{_name(place, mention)}_{mention.strength}"
    st.segmented_control(
        "Excluded how firmly",
        STRENGTHS,
        default=mention.strength,
        required=True,
        key=firmly,
        on_change=lambda: _put(query, place, turned(mention, "negated", st.session_state[firmly])),
    )


def _suggestions(query: Query) -> None:
    """For words that the lexicon lacks or that mean several things, the findings that may be meant."""
    for place, mention in enumerate(query.mentions):
        names = other_meanings(query, mention, lexicon())
        if not names:
            continue
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"meant_{place}"):
            st.html(tag("div", text(f"{mention.text}: did you mean"), kind="mn-note"), width="content")
            for number, name in enumerate(names):
                meant = replace(mention, text=name)
                st.button(name, key=f"mean_{place}_{number}", on_click=_put, args=(query, place, meant))


def _filter_chip(place: int, each: FieldFilter) -> None:
    with st.container(horizontal=True, gap=None, width="content", key=f"filter_{place}", wrap=False):
        st.html(tag("span", text(f"{each.field} {each.text}"), kind="mn-field"), width="content")
        st.button(
            f"✕ :small[remove the filter on {each.field}]",
            key=f"unfilter_{place}",
            on_click=remove_filter,
            args=(place,),
        )


@lru_cache(maxsize=1)
def completions() -> dict[str, str]:
    """What may be asked for and how it is shown: every name, then every synonym, "chf → heart failure"."""
    known = [finding for finding in lexicon().findings if finding.kind != "generic"]
    names = {finding.name: finding.name for finding in sorted(known, key=lambda finding: finding.name)}
    others = {word: f"{word} → {finding.name}" for finding in known for word in finding.synonyms}
    return names | {word: shown for word, shown in sorted(others.items()) if word not in names}


def _adder(query: Query) -> None:
    shown = completions()

    def add() -> None:
        words = st.session_state["add_finding"]
        st.session_state["add_finding"] = None
        if words and words.strip():
            _add(query, words.strip())

    st.selectbox(
        "Add a finding",
        tuple(shown),
        index=None,
        format_func=lambda word: shown.get(word, word),
        placeholder="+ finding",
        label_visibility="collapsed",
        key="add_finding",
        on_change=add,
        accept_new_options=True,
        filter_mode="contains",
        width=230,
    )


def _add(query: Query, words: str) -> None:
    try:
        found = read_phrase(words, lexicon())
    except QueryError as error:
        st.toast(str(error))
        return
    _remember()
    taken = {mention.text for mention in found}
    kept = [mention for mention in query.mentions if mention.text not in taken]
    st.query_params[CHIP] = encode([*kept, *found])


def _way_back(reading: Reading) -> None:
    if st.session_state.get("undone"):
        st.button("undo", key="undo", on_click=_undo, type="tertiary", help="Take back the last change")
    if reading.edited:
        st.button(
            "as typed",
            key="as_typed",
            on_click=_as_typed,
            type="tertiary",
            help="Back to what the sentence says",
        )


def _put(query: Query, place: int, mention: Mention | None) -> None:
    """Replace one mention, or take it away."""
    _remember()
    mentions = list(query.mentions)
    mentions[place : place + 1] = [] if mention is None else [mention]
    if mentions:
        st.query_params[CHIP] = encode(mentions)
    else:
        forget()
        st.session_state["q"] = only_filters(query)


def _remember() -> None:
    st.session_state.setdefault("undone", []).append(st.query_params.get_all(CHIP))


def _undo() -> None:
    _restore(st.session_state["undone"].pop())


def _as_typed() -> None:
    _remember()
    _restore([])


def _restore(chips: list[str]) -> None:
    if chips:
        st.query_params[CHIP] = chips
    elif CHIP in st.query_params:
        del st.query_params[CHIP]


def details(mention: Mention) -> str:
    """What stands small behind a chip's words: "unwanted · strong · “but no”"."""
    parts = [WORDS[mention.polarity]]
    if mention.strength:
        parts.append(mention.strength)
    if mention.cue and mention.origin != "implied":
        parts.append(f"“{mention.cue}”")
    if mention.origin == "implied":
        parts.append("implied")
    if mention.finding is None:
        parts.append("free words")
    return " · ".join(parts)
