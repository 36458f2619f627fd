"""What reading reports found, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.text import Text

from medneg.terminal.screen import console, titled

if TYPE_CHECKING:
    from medneg.evaluation.reports import ReportEvaluation
    from medneg.values import FindingState


def show_counts(counts: Mapping[str, Mapping[FindingState, int]], reports: int) -> None:
    """Print how often each label is present, uncertain and absent."""
    table = titled(f"{reports:,} reports", "label", "present", "uncertain", "absent")
    for name, states in counts.items():
        if any(states.values()):
            table.add_row(Text(name), *(f"{states[state]:,}" for state in ("present", "uncertain", "absent")))
    console.print(table)


def show_evaluation(evaluation: ReportEvaluation) -> None:
    """Print precision, recall and F1 of each row, with the 95 % interval of F1; JSON has all intervals."""
    heading = f"{evaluation.reports:,} reports"
    table = titled(heading, evaluation.of, "true", "found", "precision", "recall", "F1 [95 %]")
    table.pad_edge = False
    table.columns[0].no_wrap = table.columns[-1].no_wrap = True
    for row in evaluation.rows:
        numbers = (f"{row.gold:,}", f"{row.said:,}")
        figures = (f"{row.precision.value:.3f}", f"{row.recall.value:.3f}", str(row.f1))
        table.add_row(Text(row.name), *numbers, *figures, style="bold" if row.average else "")
    console.print(table)
