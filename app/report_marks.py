"""A report with its findings marked by polarity."""

from __future__ import annotations

from app.markup import marked, tag
from medneg.query import lexicon, read_report
from medneg.values import Mention


def report_html(report: str) -> str:
    """Mark what a report affirms, negates and leaves open; everything else is plain, escaped text.

    A phrase that calls something normal is marked once and quietly, not as the findings that it denies.
    """
    spans = [(*m.span, _kind(m)) for m in read_report(report) if m.span is not None and m.origin != "implied"]
    return tag("div", marked(report, spans), kind="mn-report")


def _kind(mention: Mention) -> str:
    normal = mention.finding is not None and lexicon().finding(mention.finding).kind == "normal"
    return "mn-normal" if normal and mention.polarity == "affirmed" else f"mn-{mention.polarity}"
