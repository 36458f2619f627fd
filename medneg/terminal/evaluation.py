"""What an evaluation found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from medneg.terminal.screen import console, titled

if TYPE_CHECKING:
    from medneg.evaluation.report import Report


def show_report(report: Report) -> None:
    """Print what an evaluation found: the findings it knows, the methods side by side, the comparisons."""
    console.print(
        f"{report.encoder} on {report.pictures:,} pictures, seed {report.seed}; 95 % intervals", style="dim"
    )
    known = titled("What the encoder knows", "concept", "pictures that show it", "zero-shot AUC")
    for line in report.zero_shot:
        known.add_row(Text(line.concept.replace("_", " ")), str(line.positives), str(line.auc))
    known.add_row("mean over findings", f"{report.mean_auc.n} findings", str(report.mean_auc), style="bold")
    console.print(known)
    console.print(f"“no X” by plain cosine, precision@10: {report.negated}, n = {report.negated.n} findings")
    console.print(_methods_table(report))
    gains = titled("Precision@10 on the hard pool, default minus …", "method", "n", "difference", "p")
    for other in report.comparisons:
        gain = other.difference
        name = f"{other.method}, {other.space}"
        gains.add_row(name, str(gain.figure.n), str(gain.figure), f"{gain.p:.4f}")
    console.print(gains)
    console.print(_examples_table(report))


def _methods_table(report: Report) -> Table:
    """One row a method: precision and violation among ten, on the whole gallery and on the hard pools."""
    table = titled("“A but no B”", "method", "n", "precision@10", "violation@10", "hard p@10", "hard v@10")
    hard = {(row.method, row.space): row for row in report.exclusion if row.pool == "hard"}
    for row in report.exclusion:
        if row.pool == "gallery":
            other = hard[row.method, row.space]
            figures = (row.precision, row.violation, other.precision, other.violation)
            table.add_row(f"{row.method}, {row.space}", str(row.precision.n), *map(str, figures))
    return table


def _examples_table(report: Report) -> Table:
    table = titled("Named queries", "query", "method", "p@10", "v@10", "hard p@10", "hard v@10")
    for one in report.examples:
        figures = (one.precision, one.violation, one.hard_precision, one.hard_violation)
        table.add_row(one.query, f"{one.method}, {one.space}", *(f"{figure:.2f}" for figure in figures))
    return table
