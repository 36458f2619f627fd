"""The reading of a query on the screen: the sentence with its cues, and a chip per mention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app.markup import MARKS, WORDS, marked, mention_spans, tag, text
from medneg.query import Lexicon, lexicon, parse
from medneg.values import Mention, Polarity, Query, Strength

CHIP = "chip"
"""The parameter of the address that carries edited chips, each "wanted:pleural effusion"."""

NEXT: dict[Polarity, Polarity] = {"affirmed": "negated", "negated": "uncertain", "uncertain": "affirmed"}
POLARITIES: dict[str, Polarity] = {word: polarity for polarity, word in WORDS.items()}


def current_query(raw: str) -> Query:
    """Read the sentence, or take the chips as their user left them: then the parser has no say.

    Raises:
        QueryError: if the sentence cannot be read.
    """
    read = parse(raw)
    chips = st.query_params.get_all(CHIP)
    return rebuilt(read, [decode(chip) for chip in chips], lexicon()) if chips else read


def rebuilt(read: Query, chips: Sequence[tuple[Polarity, str]], words: Lexicon) -> Query:
    """Make the query that edited chips stand for.

    Args:
        read: what the parser made of the sentence; its mentions keep what they know.
        chips: polarity and phrase of every chip, in order.
        words: names the findings of phrases that the sentence did not have.
    """
    known = {mention.text: mention for mention in read.mentions}
    mentions = [_mention(known.get(phrase), polarity, phrase, words) for polarity, phrase in chips]
    affirmed, negated, uncertain = (
        tuple(mention for mention in mentions if mention.polarity == polarity) for polarity in MARKS
    )
    wanted = " and ".join(mention.text for mention in affirmed)
    return Query(
        raw=sentence(affirmed, negated) or sentence(uncertain, ()),
        affirmed=affirmed,
        negated=negated,
        uncertain=uncertain,
        counterfactuals=tuple(f"{wanted} and {n.text}" if wanted else n.text for n in negated),
    )


def sentence(wanted: Sequence[Mention], unwanted: Sequence[Mention]) -> str:
    """Say in words what chips ask for: "effusion and edema but no calcification".

    What is uncertain is neither wanted nor unwanted, and a sentence that named it would ask for it.
    """
    present = " and ".join(mention.text for mention in wanted)
    absent = " and ".join(f"no {mention.text}" for mention in unwanted)
    return " but ".join(part for part in (present, absent) if part)


def encode(mentions: Sequence[Mention]) -> list[str]:
    """Write chips for the address bar."""
    return [f"{WORDS[mention.polarity]}:{mention.text}" for mention in mentions]


def decode(chip: str) -> tuple[Polarity, str]:
    """Read one chip from the address bar; what has no polarity is wanted."""
    word, colon, phrase = chip.partition(":")
    if not colon or word not in POLARITIES or not phrase.strip():
        return "affirmed", chip
    return POLARITIES[word], phrase


def forget() -> None:
    """Drop edited chips: a new sentence is read afresh."""
    if CHIP in st.query_params:
        del st.query_params[CHIP]


def show(query: Query, findings: tuple[str, ...] | None) -> None:
    """Draw the sentence and the chips.

    Args:
        query: what will be asked.
        findings: the lexicon ids that the encoder knows; None for all.
    """
    spans = mention_spans(query.mentions, cues=True)
    st.html(tag("div", marked(query.raw, spans), kind="mn-sentence"))
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="chips"):
        for place, mention in enumerate(query.mentions):
            _chip(query, place, mention)
        _adder(query)
        edited = bool(st.query_params.get_all(CHIP))
        if edited:
            st.button("as typed", key="as_typed", on_click=forget, type="tertiary", help="Undo the changes")
    for line in explanations(query, lexicon(), findings):
        st.html(tag("div", text(line), kind="mn-note"))
    for warning in query.warnings:
        st.html(tag("div", text(f"! {warning.message}"), kind="mn-note mn-uncertain"))


def explanations(query: Query, words: Lexicon, findings: tuple[str, ...] | None) -> list[str]:
    """Say what each parent finding stands for, and what of the sentence was not used."""
    lines = []
    for mention in query.mentions:
        family = words.descendants(mention.finding) if mention.finding else ()
        kin = [words.finding(kind).name for kind in family if findings is None or kind in findings]
        if kin:
            lines.append(f"{mention.text} = {_either(kin)}")
        if mention.corrected_from:
            lines.append(f"“{mention.corrected_from}” was read as {mention.text}")
    if query.context:
        lines.append(f"context: {', '.join(query.context)}")
    if query.ignored:
        lines.append(f"not used: {', '.join(query.ignored)}")
    return lines


def _chip(query: Query, place: int, mention: Mention) -> None:
    turned = _turned(mention, NEXT[mention.polarity])
    label = f"{MARKS[mention.polarity]} {_plain(mention.text)} :small[{_plain(_details(mention))}]"
    with st.container(
        horizontal=True, gap=None, width="content", key=f"chip_{place}_{mention.polarity}", wrap=False
    ):
        st.button(
            label,
            key=f"flip_{place}",
            on_click=_put,
            args=(query, place, turned),
            help=f"Change to {WORDS[turned.polarity]}",
        )
        st.button("✕", key=f"drop_{place}", on_click=_put, args=(query, place, None), help="Remove")


def _adder(query: Query) -> None:
    names = {finding.name for finding in lexicon().findings if finding.kind in ("finding", "device")}
    taken = {mention.text for mention in query.mentions}

    def add() -> None:
        name = st.session_state.get("add_finding")
        if name:
            st.query_params[CHIP] = [*encode(query.mentions), f"{WORDS['affirmed']}:{name}"]
            st.session_state["add_finding"] = None

    st.selectbox(
        "Add a finding",
        sorted(names - taken),
        index=None,
        placeholder="+ finding",
        label_visibility="collapsed",
        key="add_finding",
        on_change=add,
        width=170,
    )


def _put(query: Query, place: int, mention: Mention | None) -> None:
    """Replace one mention, or take it away."""
    mentions = list(query.mentions)
    mentions[place : place + 1] = [] if mention is None else [mention]
    if mentions:
        st.query_params[CHIP] = encode(mentions)
    else:
        forget()
        st.session_state["q"] = ""


def _mention(known: Mention | None, polarity: Polarity, phrase: str, words: Lexicon) -> Mention:
    base = known or Mention(text=phrase, polarity="affirmed", finding=words.resolve(phrase), origin="user")
    # The rebuilt sentence is another text, so spans into the typed one mean nothing any more.
    return replace(_turned(base, polarity), span=None, cue_span=None)


def _turned(mention: Mention, polarity: Polarity) -> Mention:
    if mention.polarity == polarity:
        return mention
    strength: Strength | None = "strong" if polarity == "negated" else None
    return replace(
        mention,
        polarity=polarity,
        strength=strength,
        cue=None,
        cue_span=None,
        origin="user",
        reason="explicit",
    )


def _details(mention: Mention) -> str:
    parts = [WORDS[mention.polarity]]
    if mention.strength:
        parts.append(mention.strength)
    if mention.cue:
        parts.append(f"“{mention.cue}”")
    return " · ".join(parts)


def _plain(words: str) -> str:
    """Words that a label shows as they are: Streamlit reads labels as Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!|<>~$:&" else sign for sign in words)


def _either(names: Sequence[str]) -> str:
    shown = list(names[:4]) + (["…"] if len(names) > 4 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
