"""Edited chips as text: into the address bar, back from it, and as the query that runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast, get_args

from app.markup import WORDS
from medneg.query import Lexicon, parse
from medneg.query.mentions import counterfactuals
from medneg.values import FieldFilter, Mention, Polarity, Query, Strength

Chip = tuple[Polarity, Strength | None, str]
"""How a finding is asked for, how firmly when it is unwanted, and its phrase."""

STRENGTHS: tuple[Strength, ...] = get_args(Strength)
_POLARITIES: dict[str, Polarity] = {word: polarity for polarity, word in WORDS.items()}


def encode(mentions: Sequence[Mention]) -> list[str]:
    """Write chips for the address bar: "wanted:pleural effusion", "unwanted weak:calcification"."""
    return [_written(mention) for mention in mentions]


def decode(chip: str) -> Chip:
    """Read one chip from the address bar; what has no polarity is wanted as it stands.

    Example:
        >>> decode("unwanted weak:calcification")
        ('negated', 'weak', 'calcification')
    """
    head, _, phrase = chip.partition(":")
    word, _, firmly = head.partition(" ")
    polarity = _POLARITIES.get(word)
    if polarity is None or not phrase.strip() or firmly not in ("", *_firmness(polarity)):
        return "affirmed", None, chip
    return polarity, cast("Strength", firmly or "strong") if polarity == "negated" else None, phrase


def turned(mention: Mention, polarity: Polarity, strength: Strength | None = None) -> Mention:
    """The mention as a person's hand sets it; an unwanted one is strongly so unless said otherwise."""
    firmly = (strength or "strong") if polarity == "negated" else None
    if (mention.polarity, mention.strength) == (polarity, firmly):
        return mention
    return replace(
        mention,
        polarity=polarity,
        strength=firmly,
        cue=None,
        cue_span=None,
        origin="user",
        reason="explicit",
    )


def read_phrase(phrase: str, words: Lexicon) -> tuple[Mention, ...]:
    """What a person adds: the findings that the phrase names, or the phrase itself as free words.

    Raises:
        QueryError: if it is blank or too long to be read.

    Example:
        >>> from medneg.query import lexicon
        >>> [(found.text, found.polarity) for found in read_phrase("no left effusion", lexicon())]
        [('left pleural effusion', 'negated')]
    """
    finding = words.resolve(phrase)
    if finding is not None:
        return (Mention(text=words.finding(finding).prompt, polarity="affirmed", finding=finding),)
    return parse(phrase).mentions or (Mention(text=phrase, polarity="affirmed", origin="unknown"),)


def rebuilt(read: Query, chips: Sequence[Chip], words: Lexicon) -> Query:
    """Make the query that edited chips stand for, with the filters of the sentence.

    Args:
        read: what the parser made of the sentence; its mentions keep what they know.
        chips: every chip, in order.
        words: names the findings of phrases that the sentence did not have.

    Raises:
        QueryError: if a phrase is too long to be read.
    """
    mentions = [_mention(read, chip, words) for chip in chips]
    affirmed, negated, uncertain = (
        tuple(mention for mention in mentions if mention.polarity == polarity) for polarity in WORDS
    )
    raw, affirmed, negated, uncertain = _sentence(affirmed, negated, uncertain)
    raw, filters = _with_filters(raw, read.filters)
    return Query(
        raw=raw,
        affirmed=affirmed,
        negated=negated,
        uncertain=uncertain,
        counterfactuals=counterfactuals(affirmed, negated),
        filters=filters,
        parser=read.parser,
    )


def only_filters(query: Query) -> str:
    """What is left of a query's words without its findings."""
    return _with_filters("", query.filters)[0]


def _firmness(polarity: Polarity) -> tuple[Strength, ...]:
    return STRENGTHS if polarity == "negated" else ()


def _written(mention: Mention) -> str:
    firmly = f" {mention.strength}" if mention.strength not in (None, "strong") else ""
    return f"{WORDS[mention.polarity]}{firmly}:{mention.text}"


def _mention(read: Query, chip: Chip, words: Lexicon) -> Mention:
    polarity, strength, phrase = chip
    same = [mention for mention in read.mentions if mention.text == phrase]
    known = next((mention for mention in same if mention.polarity == polarity), None) or next(
        iter(same), None
    )
    return turned(known or _new(phrase, words), polarity, strength)


def _new(phrase: str, words: Lexicon) -> Mention:
    """A chip that the sentence did not have: the finding that it names, else its words as they are."""
    found = read_phrase(phrase, words)
    if len(found) == 1 and found[0].finding and found[0].polarity == "affirmed":
        return replace(found[0], origin="user", cue=None, corrected_from=None)
    return Mention(text=phrase, polarity="affirmed", origin="unknown")


def _sentence(
    affirmed: tuple[Mention, ...], negated: tuple[Mention, ...], uncertain: tuple[Mention, ...]
) -> tuple[str, tuple[Mention, ...], tuple[Mention, ...], tuple[Mention, ...]]:
    """Say what chips ask for, "effusion and edema but no calcification", and where each stands in it.

    What is uncertain is neither wanted nor unwanted, and a sentence that named it would ask for it; it is
    said only where there is nothing else to say.
    """
    if not affirmed and not negated:
        raw, uncertain = _joined(uncertain, "", 0)
        return raw, (), (), uncertain
    wanted, affirmed = _joined(affirmed, "", 0)
    wanted += " but " if affirmed and negated else ""
    unwanted, negated = _joined(negated, "no", len(wanted))
    silent = (replace(mention, span=None, cue=None, cue_span=None) for mention in uncertain)
    return wanted + unwanted, affirmed, negated, tuple(silent)


def _joined(mentions: Sequence[Mention], cue: str, start: int) -> tuple[str, tuple[Mention, ...]]:
    """Mentions in a row behind a cue each, with the spans that they have when the row begins at ``start``."""
    raw, placed = "", []
    for mention in mentions:
        raw += " and " if raw else ""
        first = start + len(raw)
        raw += f"{cue} {mention.text}" if cue else mention.text
        end = start + len(raw)
        placed.append(
            replace(
                mention,
                span=(end - len(mention.text), end),
                cue=cue or None,
                cue_span=(first, first + len(cue)) if cue else None,
            )
        )
    return raw, tuple(placed)


def _with_filters(raw: str, filters: Sequence[FieldFilter]) -> tuple[str, tuple[FieldFilter, ...]]:
    placed = []
    for each in filters:
        value = f'"{each.text}"' if " " in each.text else each.text
        raw += f" {each.field}:{value}" if raw else f"{each.field}:{value}"
        placed.append(replace(each, span=(len(raw) - len(f"{each.field}:{value}"), len(raw))))
    return raw, tuple(placed)
