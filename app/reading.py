"""How a sentence was read, as HTML and in words: its cues, its doubts, and why each chip is what it is."""

from __future__ import annotations

from collections.abc import Sequence

from app.markup import MARKS, WORDS, Spanned, marked, tag, text
from medneg.query import Lexicon
from medneg.query.cues import vocabulary
from medneg.query.lexicon import key
from medneg.values import Mention, Query, QueryWarning

_REASONS = {
    "normality": "what {cue} calls normal does not show it",
    "history": "{cue} speaks of the past, so it is left open",
    "differential": "it is one of several possibilities, so it is left open",
    "exception": "{cue} names it as an exception",
}
_UNUSED = "ignored_words"
"""The code of the parser's warnings about words without influence; one line tells all of them."""


def sentence_html(query: Query) -> str:
    """The sentence with cues underlined and findings coloured; a small number leads to each doubt below."""
    spans: list[Spanned] = []
    for place, mention in enumerate(query.mentions):
        spans += _spans(mention, place)
    spans += [(*each.span, "mn-filter") for each in query.filters]
    spans += [(*each.span, "mn-unused") for each in query.warnings if each.span and each.code == _UNUSED]
    signs: dict[int, str] = {}
    for number, warning in enumerate(doubts(query), start=1):
        if warning.span is not None:
            spans.append((*warning.span, f"mn-doubt mn-w{number}"))
            before = signs.get(warning.span[1])
            signs[warning.span[1]] = f"{before} {number}" if before else str(number)
    return tag("div", marked(query.raw, spans, signs), kind="mn-sentence")


def doubts(query: Query) -> list[QueryWarning]:
    """The parser's warnings that have a line of their own, in the order of the words that they are about."""
    found = [warning for warning in query.warnings if warning.code != _UNUSED]
    return sorted(found, key=lambda warning: warning.span or (len(query.raw), 0))


def doubts_html(query: Query) -> str:
    """A line for each doubt, with the number that stands behind its words; empty when there is none."""
    lines = []
    for number, warning in enumerate(doubts(query), start=1):
        sign = tag("sup", str(number)) if warning.span is not None else "!"
        lines.append(tag("div", f"{sign} {text(warning.message)}", kind=f"mn-note mn-uncertain mn-w{number}"))
    return "".join(lines)


def notes(query: Query, words: Lexicon, findings: tuple[str, ...] | None) -> list[str]:
    """What parents stand for, and which words are no finding or were not used.

    Args:
        query: what will be asked.
        words: the lexicon.
        findings: the lexicon ids that the encoder knows; None for all.
    """
    lines = []
    for mention in query.mentions:
        kin = kinds(mention, words, findings)
        if kin:
            lines.append(f"{mention.text} = {_either(kin)}")
    if query.context:
        lines.append(f"no findings, so not searched for: {', '.join(query.context)}")
    if query.ignored:
        lines.append(f"not used: {', '.join(query.ignored)}")
    return lines


def kinds(mention: Mention, words: Lexicon, findings: tuple[str, ...] | None) -> list[str]:
    """Names of the findings that a parent stands for, as far as the encoder knows them."""
    if mention.finding is None or mention.finding not in words:
        return []
    family = words.descendants(mention.finding)
    return [words.finding(kind).name for kind in family if findings is None or kind in findings]


def why(mention: Mention, typed: Query, words: Lexicon, findings: tuple[str, ...] | None) -> list[str]:
    """Say why a chip is what it is: by which words, from where, and for what it stands.

    Args:
        mention: the chip.
        typed: what the parser made of the sentence, before any edit.
        words: the lexicon.
        findings: the lexicon ids that the encoder knows; None for all.
    """
    same = [each for each in typed.mentions if each.text == mention.text]
    read = next((each for each in same if each.polarity == mention.polarity), same[0] if same else None)
    lines = [_because(mention, read), _found(read or mention, words)]
    if mention.origin == "language_model":
        lines.insert(1, f"so reads {typed.parser}, a language model")
    kin = kinds(mention, words, findings)
    if kin:
        effect = "all are excluded" if mention.polarity == "negated" else "each of them counts"
        lines.append(f"it stands for {_either(kin, most=12)}; {effect}")
    return lines


def other_meanings(query: Query, mention: Mention, words: Lexicon) -> list[str]:
    """Phrases of the findings that may be meant by free words, or by an abbreviation of several things."""
    said = query.raw[slice(*mention.span)] if mention.span else mention.text
    _, ids = vocabulary().ambiguous.get(" ".join(key(said)), (None, ()))
    if not ids:
        return [finding.prompt for finding in words.complete(said, 4)] if mention.finding is None else []
    return [words.finding(each).prompt if each in words else each for each in ids if each != mention.finding]


def link_css(mentions: int, warnings: int) -> str:
    """Style rules that light up the words of a chip while it has the mouse, the focus or its window open.

    The other way round as well, and the same for doubts and the words that they are about.
    """
    rules = []
    for place in range(mentions):
        chip, said = f'[class*="st-key-chip_{place}_"]', f".mn-sentence .mn-m{place}"
        held = f':has({chip}:is(:hover, :focus-within), {chip} [aria-expanded="true"])'
        rules.append(f".stMain{held} {said} {{ background: #3b4652; color: #fff; }}")
        rules.append(f".stMain:has({said}:hover) {chip} {{ outline: 2px solid currentColor; }}")
    for number in range(1, warnings + 1):
        words = f".mn-w{number}"
        rules.append(f".stMain:has({words}:hover) {words} {{ background: #4a421a; color: #fff; }}")
    return f"<style>{' '.join(rules)}</style>"


def _spans(mention: Mention, place: int) -> list[Spanned]:
    """Where a chip's phrase and cue stand. What is implied has no words of its own to colour."""
    colour = "" if mention.origin == "implied" else f"mn-{mention.polarity} "
    spans: list[Spanned] = []
    if mention.span is not None:
        spans.append((*mention.span, f"{colour}mn-m{place}"))
    if mention.cue_span is not None:
        spans.append((*mention.cue_span, f"{'mn-cue ' if colour else ''}{colour}mn-m{place}"))
    return spans


def _because(mention: Mention, read: Mention | None) -> str:
    mark, word = MARKS[mention.polarity], WORDS[mention.polarity]
    if read is None:
        return f"{mark} {word}: added by hand"
    if (read.polarity, read.strength) != (mention.polarity, mention.strength):
        firmly = f", {read.strength}" if read.strength else ""
        return f"{mark} {word}: set by hand; the sentence says {WORDS[read.polarity]}{firmly}{_by(read)}"
    reason = _REASONS.get(read.reason)
    if reason is not None:
        return f"{mark} {word}: {reason.format(cue=f'“{read.cue}”' if read.cue else 'the sentence')}"
    return f"{mark} {word}{_by(read)}"


def _by(read: Mention) -> str:
    if read.cue:
        return f", because of “{read.cue}”"
    return ", as nothing denies it" if read.polarity == "affirmed" else ""


def _found(mention: Mention, words: Lexicon) -> str:
    if mention.finding is None or mention.finding not in words:
        return (
            "free words, which the lexicon lacks: searched as they are; no label or report is asked for them"
        )
    name = f"in the lexicon as {words.finding(mention.finding).name}"
    return f"“{mention.corrected_from}” was read so; {name}" if mention.corrected_from else name


def _either(names: Sequence[str], most: int = 4) -> str:
    shown = list(names[:most]) + (["…"] if len(names) > most else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
