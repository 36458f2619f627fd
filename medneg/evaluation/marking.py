"""A question's words: which of them negate, which join, which name a finding."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from medneg.query import parse
from medneg.values import Span

JOINTS = frozenset(
    [
        *("and", "or", "nor", "neither", "but", "with", "without", "no", "not", "both"),
        *("in", "whom", "who", "whose", "that", "where"),
    ]
)
"""Words that tell which finding is meant how, wherever they stand."""

_WORD = re.compile(r"[^\s,;:.?!()]+")


@dataclass(frozen=True, slots=True)
class Marked:
    """A question with what must be known to corrupt it.

    Attributes:
        text: as it was asked.
        words: offsets of its words, punctuation left out.
        cues: whether each word says that something is negated or in doubt.
        findings: for each finding that is named its id and the words that name it, as numbers of words.
    """

    text: str
    words: tuple[Span, ...]
    cues: tuple[bool, ...]
    findings: tuple[tuple[str, range], ...]

    def word(self, number: int) -> str:
        """One word as it was written."""
        start, end = self.words[number]
        return self.text[start:end]

    def is_joint(self, number: int) -> bool:
        """Whether a word decides what is asked of the findings around it."""
        return self.cues[number] or self.word(number).lower() in JOINTS

    def with_edits(self, edits: Mapping[int, str]) -> str:
        """The text with some words replaced; an empty word takes its blank with it."""
        pieces, position = [], 0
        for number, new in sorted(edits.items()):
            start, end = self.words[number]
            pieces += [self.text[position:start], new]
            position = end
        return " ".join("".join([*pieces, self.text[position:]]).split()).replace(" ,", ",")


@lru_cache(maxsize=4096)
def mark(text: str) -> Marked:
    """Find the words of a question, those that negate or doubt, and those that name findings."""
    spans = tuple(found.span() for found in _WORD.finditer(text))
    query = parse(text)
    cues = [mention.cue_span for mention in query.negated + query.uncertain]
    named = [(one.finding, one.span) for one in query.mentions if one.finding and one.span]
    return Marked(
        text=text,
        words=spans,
        cues=tuple(any(_meet(span, cue) for cue in cues if cue) for span in spans),
        findings=tuple((finding, _numbers(spans, span)) for finding, span in named),
    )


def _meet(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _numbers(spans: Sequence[Span], outer: Span) -> range:
    inside = [number for number, span in enumerate(spans) if _meet(span, outer)]
    return range(inside[0], inside[-1] + 1) if inside else range(0)
