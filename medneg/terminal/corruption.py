"""What corruption of questions costs, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from medneg.evaluation.corruption_report import MIDDLE, PLACES
from medneg.evaluation.corruptions import SEVERITIES
from medneg.evaluation.gallery import BASE
from medneg.evaluation.report import called
from medneg.terminal.evaluation import show_about
from medneg.terminal.screen import console, titled

if TYPE_CHECKING:
    from medneg.evaluation.corruption_report import CorruptionReport
    from medneg.evaluation.intervals import Figure

WHERE = {
    ("affirmed", "gallery"): "“A”, gallery",
    ("negated", "pool"): "“no B”, balanced pool",
    ("exclusion", "gallery"): "“A but no B”, gallery",
    ("exclusion", "pool"): "“A but no B”, hard pool",
}


def show_corruption(report: CorruptionReport) -> None:
    """Print precision by severity, what each corruption takes, and what is recovered."""
    show_about(report.about)
    for place in PLACES:
        console.print(_severities(report, *place))
    console.print(_losses(report))
    console.print(_recovered(report))
    shares = ", ".join(f"{share:.3f}" for share in report.understood)
    console.print(Text(f"read as meant, clean and by severity: {shares}", style="dim"), soft_wrap=True)
    for name, why in report.left_out:
        console.print(Text(f"left out: {name}: {why}", style="dim"), soft_wrap=True)


def _severities(report: CorruptionReport, kind: str, pool: str) -> Table:
    heads = ("clean", *(f"severity {severity}" for severity in SEVERITIES))
    table = titled(f"Precision@10 on {WHERE[kind, pool]}", "method", "n", *heads)
    rows = [row for row in report.rows if (row.kind, row.pool) == (kind, pool)]
    for way in dict.fromkeys((row.method, row.space, row.model) for row in rows):
        own = [row.precision for row in rows if (row.method, row.space, row.model) == way]
        style = "bold" if way == (*report.about.default, BASE) else None
        table.add_row(called(*way), str(own[0].n), *map(str, own), style=style)
    return table


def _losses(report: CorruptionReport) -> Table:
    names = list(report.corruptions)
    table = titled(f"Precision@10 lost at severity {MIDDLE}, all questions, by corruption", "method", *names)
    for way in dict.fromkeys((row.method, row.space, row.model) for row in report.losses):
        own = {row.corruption: row.loss for row in report.losses if (row.method, row.space, row.model) == way}
        table.add_row(called(*way), *(f"{own[name].value:.3f}" for name in names))
    return table


def _recovered(report: CorruptionReport) -> Table:
    heads = ("method", "questions", "severity", "of what … loses", "lost", "recovered", "clean", "p (clean)")
    table = titled("What is recovered of the loss of a plain search", *heads)
    for row in report.recovered:
        if row.severity in (MIDDLE, SEVERITIES[-1]):
            cells = (str(row.severity), f"{row.reference}: {_told(row.reference_lost)}", _told(row.lost))
            clean = (f"{row.clean.figure.value:+.3f}", f"{row.clean.p:.4f}")
            name = called(row.method, row.space, row.model)
            table.add_row(name, WHERE[row.kind, row.pool], *cells, _told(row.share), *clean)
    return table


def _told(figure: Figure) -> str:
    return str(figure) if figure.n else "–"
