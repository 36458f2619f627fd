"""A report with its findings marked by polarity, told apart by shape as well as by colour."""

from __future__ import annotations

from collections.abc import Iterable

from app.markup import Spanned, marked, tag, text
from medneg.query import lexicon, read_report
from medneg.values import Mention

LEGEND = {"affirmed": "affirmed", "negated": "denied", "uncertain": "left open", "normal": "normal"}
"""Kinds of marks in words; their shapes, ● ⊘ ? ✓, are the style sheet's."""


def report_html(report: str) -> str:
    """Mark what a report affirms, denies and leaves open; everything else is plain, escaped text.

    A phrase that calls something normal is marked once and quietly, not as the findings that it denies.
    """
    found = [(*m.span, _kind(m)) for m in read_report(report) if m.span is not None and m.origin != "implied"]
    spans = list(_apart(found))
    used = {kind for _, _, kind in spans}
    signs = "".join(
        tag("mark", text(words), kind=f"mn-{kind}") for kind, words in LEGEND.items() if f"mn-{kind}" in used
    )
    return tag("div", marked(report, spans), kind="mn-report") + tag("div", signs, kind="mn-report mn-legend")


def _apart(spans: Iterable[Spanned]) -> Iterable[Spanned]:
    """Without those that begin inside an earlier one: a word has one mark."""
    done = 0
    for start, end, kind in sorted(spans):
        if start >= done:
            yield start, end, kind
            done = end


def _kind(mention: Mention) -> str:
    normal = mention.finding is not None and lexicon().finding(mention.finding).kind == "normal"
    return "mn-normal" if normal and mention.polarity == "affirmed" else f"mn-{mention.polarity}"
