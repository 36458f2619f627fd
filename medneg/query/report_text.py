"""Where a report says what was seen: its sections, and their sentences.

Nothing here knows a finding; every step is one pass over the characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from medneg.query.report_wording import wording
from medneg.values import Span

SectionName = Literal["findings", "impression", "body"]

LONGEST_SENTENCE = 600
"""Longer ones are cut at a blank: what has no full stop in so many characters is no sentence."""

_LETTERS = re.compile(r"[A-Za-z /&]*")
_OWN_LINE = re.compile(r"(?m)^[ \t*#_=-]{0,8}(?P<words>[A-Za-z][A-Za-z /&]{2,40}?)[ \t*#_=-]{0,8}\r?$")
_JOINED = re.compile(r"\s*(?:/|&|\band\b)\s*", re.IGNORECASE)
_LONGEST_HEADING = 6
_REACH = 80
_NARROWEST = 50
_OPENERS = frozenset({"", "\n", ".", ";", "!", "?", ":"})
_STOP = re.compile(r"[.!?;]+|\r?\n|(?<!\S)\(?\d{1,2}[.)](?=\s)")
_ABBREVIATION = re.compile(r"(?i)(?:^|[\s(,.])(?:dr|mr|mrs|ms|vs|approx|fig|cf|st|resp|incl|[a-z])$")
_GOES_ON = re.compile(
    r"(?i)(?:,|\b(?:no|not|and|or|nor|with|without|of|the|an?|is|are|was|in|on|at|to|for|from|by))[ \t]*$"
)
_ITEM = re.compile(r"[ \t]*(?:[-*•>]|\(?\d{1,2}[.)]\s)")
_WORD = re.compile(r"[ \t]*(\S{1,40})")


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch ``[start, end)`` of a report that tells what was seen; "body" stands under no heading."""

    name: SectionName
    start: int
    end: int


def sections(text: str) -> Iterator[Section]:
    """The parts of a report that tell what was seen, in their order.

    Indication, history, comparison, technique and recommendation are left out, and so is what stands before
    the heading of the findings. A report that has none of the headings "findings", "impression" or one of
    their kind is read from the first line after the last of those on.

    Example:
        >>> [section.name for section in sections("HISTORY: Cough. FINDINGS: Clear. IMPRESSION: Normal.")]
        ['findings', 'impression']
    """
    headings = list(_headings(text))
    kinds = {kind for kind, _, _ in headings}
    named = bool(kinds & {"findings", "impression"})
    name: SectionName | None = None if "findings" in kinds else "body"
    start = 0
    for kind, first, end in headings:
        if name is not None and text[start:first].strip():
            yield Section(name, start, first)
        if kind == "skipped":
            name, start = (None, end) if named else ("body", _after_first_statement(text, end))
        elif kind == "part":
            name, start = name or "findings", first
        else:
            name, start = ("findings" if kind == "findings" else "impression"), end
    if name is not None and text[start:].strip():
        yield Section(name, start, len(text))


def _headings(text: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of every heading; "Lungs:" is a part of the body, whose heading is also read."""
    found = {}
    for line in _OWN_LINE.finditer(text):
        start = line.start("words")
        kind = _kind(line.group("words"))
        if kind is not None and kind != "part":
            found[start] = kind, start, line.end()
    for colon in re.finditer(":", text):
        heading = _before_colon(text, colon.start())
        if heading is not None:
            found[heading[1]] = (*heading, colon.end())
    yield from (found[start] for start in sorted(found))


def _before_colon(text: str, colon: int) -> tuple[str, int] | None:
    """Kind and start of the longest heading that ends at a colon.

    Inside a line, it follows the end of a sentence or is written in capitals.
    """
    before = text[max(0, colon - _REACH) : colon].rstrip(" \t*_")
    if before.endswith(")") and "(" in before:
        before = before[: before.rindex("(")].rstrip()
    words = _LETTERS.match(before[::-1])
    first = max(0, colon - _REACH) + len(before) - (words.end() if words else 0)
    end = max(0, colon - _REACH) + len(before)
    starts = [word.start() + first for word in re.finditer(r"[^\s/&]+", text[first:end])]
    for start in starts[-_LONGEST_HEADING:]:
        kind = _kind(text[start:end])
        opens = text[max(0, start - _REACH) : start].rstrip(" \t*#_=->")[-1:] in _OPENERS
        if kind is not None and (opens or text[start:end].isupper()):
            return kind, start
    return None


def _kind(words: str) -> str | None:
    known = wording().headings
    whole = " ".join(words.lower().split())
    if whole in known:
        return known[whole]
    kinds = {known.get(part) for part in _JOINED.split(whole)}
    if None in kinds:
        return None
    return next((kind for kind in ("findings", "impression", "skipped", "part") if kind in kinds), None)


def _after_first_statement(text: str, start: int) -> int:
    """Where the heading's own statement ends in a report without a heading for its findings."""
    line_end = text.find("\n", start)
    if line_end >= 0:
        return line_end
    return next((stop.end() for stop in _STOP.finditer(text, start) if _ends(text, stop)), len(text))


def sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences in ``[start, end)``, a question mark included; ends of lines may stand inside.

    Example:
        >>> report = "1. A 2.5 cm nodule. No effusion or\\n   edema"
        >>> [report[slice(*span)] for span in sentences(report, 0, len(report))]
        ['A 2.5 cm nodule', 'No effusion or\\n   edema']
    """
    width = max((len(line) for line in text[start:end].splitlines()), default=0)
    first = start
    for stop in _STOP.finditer(text, start, end):
        if "\n" in stop.group():
            if _wraps(text, first, stop, width):
                continue
        elif not _ends(text, stop):
            continue
        yield from _trimmed(text, first, stop.end() if "?" in stop.group() else stop.start())
        first = stop.end()
    yield from _trimmed(text, first, end)


def _ends(text: str, stop: re.Match[str]) -> bool:
    """Whether a mark ends a sentence: not in "2.5", "Dr. Who", "e.g." or "?effusion"."""
    if stop.group() == "?":
        asks = text[stop.end() : stop.end() + 1].isalnum()
        return not (asks and not text[max(0, stop.start() - 1) : stop.start()].strip())
    if stop.group() != ".":
        return True
    before, after = text[max(0, stop.start() - 12) : stop.start()], text[stop.end() : stop.end() + 1]
    if after.isdigit() and before[-1:].isdigit():
        return False
    return not (_ABBREVIATION.search(before) or (after.islower() and not before[-3:].isalpha()))


def _wraps(text: str, first: int, stop: re.Match[str], width: int) -> bool:
    """Whether a sentence goes on over the end of a line, because the next word had no room on it."""
    line_start = max(first, text.rfind("\n", first, stop.start()) + 1)
    following = text[stop.end() : stop.end() + 60]
    word = _WORD.match(following)
    if word is None or _ITEM.match(following) or not text[line_start : stop.start()].strip():
        return False
    if word.group(1)[0].islower() or _GOES_ON.search(text, max(first, stop.start() - 40), stop.start()):
        return True
    if width < _NARROWEST:
        return False
    line = stop.start() - (text.rfind("\n", max(0, stop.start() - width - 1), stop.start()) + 1)
    return line + 1 + len(word.group(1)) > width


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """The stretch without blanks around it, in pieces of at most the longest sentence."""
    while end - start > LONGEST_SENTENCE:
        cut = text.rfind(" ", start + LONGEST_SENTENCE // 2, start + LONGEST_SENTENCE)
        cut = cut if cut > start else start + LONGEST_SENTENCE
        yield start, cut
        start = cut
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
