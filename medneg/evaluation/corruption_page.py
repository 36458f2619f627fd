"""The page of corrupted questions."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from medneg.evaluation.corruption_report import MIDDLE, PLACES, UNREPAIRED, CorruptionReport
from medneg.evaluation.corruptions import SEVERITIES
from medneg.evaluation.gallery import BASE
from medneg.evaluation.intervals import Figure
from medneg.evaluation.markup import figure, section, table
from medneg.evaluation.page_frame import ending, subtitle
from medneg.evaluation.report import called

TITLES = {
    ("affirmed", "gallery"): "“A”, whole gallery",
    ("negated", "pool"): "“no B”, balanced pools",
    ("exclusion", "gallery"): "“A but no B”, whole gallery",
    ("exclusion", "pool"): "“A but no B”, hard pools",
}


def corruption_body(report: CorruptionReport, command: str, made: str) -> Iterator[str]:
    """Precision by severity, what each corruption takes, and what is recovered."""
    yield f"<h1>What typing errors cost {escape(report.about.encoder)}</h1>"
    yield subtitle(report.about, made)
    yield section(
        "Precision at 10, clean and corrupted",
        "Every question goes wrong in one of nine ways, the same at all severities; mean over questions "
        f"with its 95 % interval. {UNREPAIRED}: the default with its phrases as they were typed, without "
        "the parser's repair.",
    )
    for place in PLACES:
        yield f"<h3>{TITLES[place]}</h3>" + _severities(report, *place)
    yield section(
        "What is recovered",
        "1 − loss / loss of the plain search, over the same questions; lost: clean minus corrupted. "
        "Clean: the method minus the plain search on the questions as they were, paired permutation test.",
    )
    yield _recovered(report)
    yield section(
        f"By corruption, severity {MIDDLE}",
        "Precision at 10 lost, all kinds of question together. "
        + "; ".join(f"{name}: {what}" for name, what in report.corruptions.items())
        + ".",
    )
    yield _losses(report)
    shares = ", ".join(f"{share:.3f}" for share in report.understood)
    yield f'<p class="note">Read as meant, clean and by severity: {shares}.</p>'
    for name, why in report.left_out:
        yield f"<p>Left out: {escape(name)}: {escape(why)}.</p>"
    yield from ending(report.about, command)


def _severities(report: CorruptionReport, kind: str, pool: str) -> str:
    rows = [row for row in report.rows if (row.kind, row.pool) == (kind, pool)]
    lines = []
    for way in dict.fromkeys((row.method, row.space, row.model) for row in rows):
        own = [row.precision for row in rows if (row.method, row.space, row.model) == way]
        cells = [escape(called(*way)), str(own[0].n), *map(_stacked, own)]
        lines.append((way == (*report.about.default, BASE), cells))
    return table(("method", "n", "clean", *(f"severity {severity}" for severity in SEVERITIES)), lines)


def _recovered(report: CorruptionReport) -> str:
    lines = [
        (
            False,
            (
                escape(called(row.method, row.space, row.model)),
                TITLES[row.kind, row.pool],
                str(row.severity),
                f"{escape(row.reference)}: {figure(row.reference_lost)}",
                figure(row.lost),
                figure(row.share),
                f"{figure(row.clean.figure)}, p {row.clean.p:.4f}",
            ),
        )
        for row in report.recovered
    ]
    heads = ("method", "questions", "severity", "of what … loses", "lost", "recovered", "clean")
    return table(heads, lines)


def _losses(report: CorruptionReport) -> str:
    names = list(report.corruptions)
    lines = []
    for way in dict.fromkeys((row.method, row.space, row.model) for row in report.losses):
        own = {row.corruption: row.loss for row in report.losses if (row.method, row.space, row.model) == way}
        lines.append(
            (way == (*report.about.default, BASE), [escape(called(*way)), *(_stacked(own[n]) for n in names)])
        )
    return table(("method", *names), lines)


def _stacked(found: Figure) -> str:
    """A figure over its interval, for tables that are wide already."""
    return figure(found).replace(" <small>", "<br><small>")
