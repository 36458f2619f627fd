"""Which indexes an archive has, and which one a search takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from medneg.terminal.screen import console

if TYPE_CHECKING:
    from medneg.archive.indexes import Choice, IndexState


def indexes_table(states: Sequence[IndexState], choice: Choice) -> None:
    """Print every kind of index, then which one "auto" stands for and why."""
    table = Table("", "index", "images", "", header_style="dim")
    for state in states:
        mark = Text("✓", style="green") if state.ready else Text("–", style="dim")
        bold = "bold" if state.name == choice.name else ""
        table.add_row(mark, Text(state.name, style=bold), f"{state.count:,}", Text(state.note))
    console.print(table)
    console.print(Text.assemble(("auto takes ", "dim"), (choice.name, "bold"), f": {choice.reason}"))


def built(state: IndexState) -> None:
    """Print what was built."""
    console.print(Text(f"{state.name}: {state.count:,} images; {state.note}"))
