"""What a diagnosis found: each verdict in words, the thresholds, the gate, the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from medneg.terminal.screen import console, foreign

if TYPE_CHECKING:
    from medneg.diagnostics.diagnosis import Diagnosis
    from medneg.diagnostics.verdict import Outcome, Verdict
    from medneg.diagnostics.writing import Written

COLOURS: dict[Outcome, str] = {
    "passes": "green",
    "passes with a reservation": "green",
    "fails": "red",
    "untested": "yellow",
}


def show_diagnosis(found: Diagnosis, written: Written) -> None:
    """Print the verdicts with their thresholds, what the gate says, and where the report is."""
    for verdict in found.verdicts:
        head = Text.assemble(f"{verdict.name} ", (verdict.outcome, f"bold {COLOURS[verdict.outcome]}"))
        console.print(head)
        console.print(Text(verdict.words), soft_wrap=True)
        for what in verdict.untested:
            console.print(Text(f"untested: {what}", style="dim"))
        console.print(_checks(verdict))
    _show_gate(found)
    for path in (written.page, written.twin, written.pdf):
        if path is not None:
            console.print(foreign(str(path)), soft_wrap=True)
    if written.pdf is None:
        console.print(Text("no PDF: no Chromium printed it on this machine", style="dim"))


def _checks(verdict: Verdict) -> Table:
    table = Table("threshold", "found", "asked for", "n", "", header_style="dim", box=SIMPLE_HEAD)
    for check in verdict.checks:
        sign = "≥" if check.threshold.at_least else "≤"
        table.add_row(
            check.threshold.key,
            str(check.found) if check.found.n else "–",
            f"{sign} {check.threshold.limit:g}",
            str(check.found.n),
            Text(check.status, style="red" if check.status == "fails" else ""),
        )
    return table


def _show_gate(found: Diagnosis) -> None:
    gate = found.gate
    if gate is None:
        return
    if gate.open:
        console.print(Text(f"gate open: {gate.thresholds} thresholds hold", style="green"))
    for missed in gate.missed:
        console.print(Text.assemble(("gate closed: ", "bold red"), missed), soft_wrap=True)
