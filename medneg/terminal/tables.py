"""What ingesting did, which encoders there are, what `medneg doctor` found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from medneg.terminal.screen import advise, console, foreign

if TYPE_CHECKING:
    from medneg.doctor import Check
    from medneg.encoders import CatalogueRow
    from medneg.ingest import IngestReport


def ingest_summary(report: IngestReport) -> None:
    """Print what became searchable and what was set aside, with the reasons."""
    console.print(
        f"{report.indexed} indexed, {report.unchanged} unchanged, {len(report.rejected)} set aside; "
        f"{report.labelled} labelled, {report.reports} reports; "
        f"{report.seconds:.0f} s, {report.rate:.1f} files/s"
    )
    if report.indexed:
        waited = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in asdict(report.stages).items())
        console.print(Text(f"waited for: {waited}", style="dim"))
    for warning in report.warnings:
        console.print(Text.assemble(("! ", "yellow"), foreign(warning)))
    if report.rejected:
        table = Table("set aside", "reason", header_style="dim")
        for rejection in report.rejected:
            table.add_row(foreign(rejection.file), foreign(rejection.reason))
        console.print(table)


def encoders_table(rows: Sequence[CatalogueRow]) -> None:
    """Print the encoders that the registry knows, then the commands that bring the missing ones."""
    table = Table("encoder", "input", "width", "licence", "weights", header_style="dim")
    for row in rows:
        here = Text("here", style="green") if row.available else Text("not here", style="yellow")
        size = f"{row.input_size} px" if row.input_size else "?"
        table.add_row(Text(row.name), size, str(row.width or "?"), Text(row.licence), here)
    console.print(table)
    advise({row.name: row.how_to_get for row in rows if not row.available})


def checks_table(checks: Sequence[Check]) -> None:
    """Print what `medneg doctor` found, then what to do about what is not as it should be."""
    table = Table("", "subject", "found", header_style="dim")
    for check in checks:
        mark = Text("✓", style="green") if check.ok else Text("✗" if check.required else "–", style="red")
        table.add_row(mark, Text(check.subject), foreign(check.detail))
    console.print(table)
    advise({check.subject: check.advice for check in checks if check.advice})
