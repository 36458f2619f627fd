"""The page of the CON2 paper's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from medneg.evaluation.con2 import Con2Report
from medneg.evaluation.gallery import BASE
from medneg.evaluation.markup import figure, section, table
from medneg.evaluation.page_frame import ending, subtitle
from medneg.evaluation.report import called


def con2_body(report: Con2Report, command: str, made: str) -> Iterator[str]:
    """The tables for the paper's finding and for all."""
    yield f"<h1>Top-10 retrieval accuracy of {escape(report.about.encoder)}</h1>"
    yield subtitle(report.about, made)
    for title, which in (("Pleural effusion, as in the paper", "papers"), ("Every labelled finding", "all")):
        yield section(
            title,
            "Share of the first ten of 70 pictures (35 with the finding, 35 without; five draws) that a "
            "prompt describes; mean over prompts, 95 % interval over prompts; chance .5.",
        )
        groups = list(dict.fromkeys(row.group for row in report.rows))
        ways = dict.fromkeys((row.method, row.space, row.model) for row in report.rows)
        found = {(row.method, row.space, row.model, row.group): getattr(row, which) for row in report.rows}
        rows = [
            (
                way == (*report.about.default, BASE),
                (escape(called(*way)), *(figure(found[*way, group]) for group in groups)),
            )
            for way in ways
        ]
        yield table(("method", *groups), rows)
    yield from ending(report.about, command)
