"""The two consoles, and what every table and message on them shares."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console()
complaints = Console(stderr=True)


def titled(title: str, *columns: str) -> Table:
    """An empty table under a bold title."""
    return Table(*columns, title=Text(title, style="bold"), title_justify="left", header_style="dim")


def advise(advice: Mapping[str, str]) -> None:
    """Print what to do about each subject, unbroken, so that a command can be copied."""
    for subject, what in advice.items():
        console.print(Text.assemble((f"{subject}: ", "dim"), what), soft_wrap=True)


def foreign(text: str) -> Text:
    """Text that a file brought: what would steer the terminal is shown as a replacement character."""
    return Text("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text))


def complain(message: str) -> None:
    """Say on standard error what went wrong."""
    complaints.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
