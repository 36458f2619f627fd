"""A text with some stretches replaced, and the way back from its offsets to those of the text as typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from medneg.values import Mention, Query, QueryWarning, Repair, Span


class Mended:
    """A text after some repairs.

    Args:
        words: as typed.
        repairs: none over another.
    """

    def __init__(self, words: str, repairs: Sequence[Repair]) -> None:
        self.repairs = tuple(sorted(repairs, key=lambda each: each.span))
        self._places: list[tuple[Span, Repair]] = []
        pieces, position, length = [], 0, 0
        for repair in self.repairs:
            start = length + repair.span[0] - position
            length = start + len(repair.better)
            pieces += [words[position : repair.span[0]], repair.better]
            self._places.append(((start, length), repair))
            position = repair.span[1]
        self.text = "".join([*pieces, words[position:]])

    def touches(self, span: Span | None) -> bool:
        """Whether a span of the new text meets something replaced."""
        return span is not None and any(new[0] < span[1] and span[0] < new[1] for new, _ in self._places)

    def back(self, span: Span) -> Span:
        """The span of the text as typed that one of the new text stands for."""
        return self._old(span[0], last=False), self._old(span[1] - 1, last=True)

    def _old(self, place: int, *, last: bool) -> int:
        """Where the character at ``place`` was: its own place, or the end behind it with ``last``."""
        shift = 0
        for (start, end), repair in self._places:
            if start <= place < end:
                return repair.span[1] if last else repair.span[0]
            if end <= place:
                shift = repair.span[1] - end
        return place + shift + last


def put_back(query: Query, raw: str, mended: Mended) -> Query:
    """A query that was read in a mended text, with its offsets in the text as typed.

    Args:
        query: as it was read.
        raw: the text as typed.
        mended: what was read.
    """
    told = tuple(
        QueryWarning(
            code="doubtful_repair",
            message=f"interpreted {each.original!r} as {each.better!r}",
            span=each.span,
        )
        for each in mended.repairs
    )
    return replace(
        query,
        raw=raw,
        affirmed=tuple(_mention(each, raw, mended) for each in query.affirmed),
        negated=tuple(_mention(each, raw, mended) for each in query.negated),
        uncertain=tuple(_mention(each, raw, mended) for each in query.uncertain),
        warnings=tuple(_warning(each, mended) for each in query.warnings) + told,
        needs_review=True,
    )


def _mention(mention: Mention, raw: str, mended: Mended) -> Mention:
    if mention.span is None:
        return mention
    span = mended.back(mention.span)
    cue_span = mention.cue_span and mended.back(mention.cue_span)
    if not mended.touches(mention.span) or mention.origin == "implied":
        return replace(mention, span=span, cue_span=cue_span)
    return replace(mention, span=span, cue_span=cue_span, origin="fuzzy", corrected_from=raw[slice(*span)])


def _warning(warning: QueryWarning, mended: Mended) -> QueryWarning:
    return warning if warning.span is None else replace(warning, span=mended.back(warning.span))
