"""What a terminal shows: progress with a rate and an end time, and tables of answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Task

    from medneg.archive import Archive
    from medneg.doctor import Check
    from medneg.encoders import CatalogueRow
    from medneg.evaluation.report import Report
    from medneg.ingest import IngestReport
    from medneg.search import Answer
    from medneg.values import FindingState, Query

Progress = Callable[[int, int], None]
"""Called with (done, total) as work goes on."""

POLARITY_LOOK = {"affirmed": ("●", "blue"), "negated": ("⊘", "dark_orange"), "uncertain": ("?", "yellow")}
"""The mark and the colour of each polarity: shape first, for readers who do not see the colour."""

console = Console()
complaints = Console(stderr=True)


@contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Progress]:
    """Show a bar with the rate in ``unit`` per second and the time left, on standard error.

    On anything but a terminal it stays silent until the end and then says one line.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} {unit}/s" if speed else f"– {unit}/s", style="cyan")

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Bar(*columns, console=complaints, speed_estimate_period=60) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def chips(query: Query) -> Text:
    """The reading of a query on one line: a mark and a colour per mention, then what else was understood."""
    line = Text()
    for mention in query.mentions:
        mark, colour = POLARITY_LOOK[mention.polarity]
        detail = f" ({mention.strength}, “{mention.cue}”)" if mention.strength and mention.cue else ""
        line.append(f"{mark} {mention.text}", style=f"bold {colour}").append(f"{detail}   ", style="dim")
    if query.context:
        line.append(f"context: {', '.join(query.context)}   ", style="dim")
    if query.ignored:
        line.append(f"not used: {', '.join(query.ignored)}", style="dim")
    return line


def show_answer(answer: Answer, store: Archive) -> None:
    """Print how the query was read, the hits (with the truth where a manifest tells it) and the promise."""
    console.print(chips(answer.query))
    console.print(_hits_table(answer, _truth(answer, store)))
    exact = "exact" if answer.exact else "approximate"
    took = f"{answer.seconds * 1000:.0f} ms"
    console.print(
        f"{exact} over {answer.considered:,} images in {took} · model {answer.card.name} "
        f"({answer.card.licence}) · research use, not a medical device",
        style="dim",
    )
    for warning in answer.warnings:
        console.print(Text(f"! {warning.message}", style="yellow"))


def _truth(answer: Answer, store: Archive) -> dict[str, dict[int, FindingState]]:
    """Column title → image id → state, for the mentions of the query on which a manifest speaks."""
    from medneg.query import lexicon

    words = lexicon()
    states = store.findings([hit.image_id for hit in answer.hits], source="manifest")
    columns = {}
    for mention in answer.query.mentions:
        if mention.finding is not None:
            known = {image: words.state(mention.finding, states.get(image, {})) for image in states}
            columns[mention.text] = {image: state for image, state in known.items() if state is not None}
    return {title: column for title, column in columns.items() if column}


def _hits_table(answer: Answer, truth: dict[str, dict[int, FindingState]]) -> Table:
    table = Table(title=Text(answer.method, style="bold"), title_justify="left", header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("score", justify="right")
    for term in answer.hits[0].terms if answer.hits else ():
        table.add_column(Text(term.label), justify="right")
    for title in truth:
        table.add_column(Text(f"truth: {title}"))
    table.add_column("image", overflow="fold")
    for hit in answer.hits:
        values = (f"{term.value:+.4f}" for term in hit.terms)
        states = (_state_cell(column.get(hit.image_id, "")) for column in truth.values())
        table.add_row(str(hit.rank), f"{hit.score:.4f}", *values, *states, _foreign(hit.image))
    return table


def _state_cell(state: str) -> Text:
    return Text(state, style={"present": "bold", "absent": "dim"}.get(state, ""))


def _foreign(text: str) -> Text:
    """Text that a file brought: what would steer the terminal is shown as a replacement character."""
    return Text("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text))


def ingest_summary(report: IngestReport) -> None:
    """Print what became searchable and what was set aside, with the reasons."""
    console.print(f"{report.indexed} indexed, {report.unchanged} unchanged, {len(report.rejected)} set aside")
    if report.rejected:
        table = Table("set aside", "reason", header_style="dim")
        for rejection in report.rejected:
            table.add_row(_foreign(rejection.file), _foreign(rejection.reason))
        console.print(table)


def encoders_table(rows: Sequence[CatalogueRow]) -> None:
    """Print the encoders that the registry knows."""
    table = Table("encoder", "input", "width", "licence", "weights", header_style="dim")
    for row in rows:
        here = Text("here", style="green") if row.available else Text(row.how_to_get, style="yellow")
        size = f"{row.input_size} px" if row.input_size else "?"
        table.add_row(Text(row.name), size, str(row.width or "?"), Text(row.licence), here)
    console.print(table)


def report_table(report: Report) -> None:
    """Print what an evaluation found, each figure with its n and its 95 % interval."""
    title = f"{report.encoder} on {report.pictures:,} pictures, seed {report.seed}, 95 % intervals"
    table = Table("measured", "n", "figure", title=title, title_justify="left", header_style="dim")
    for what, count, figure in report.rows():
        table.add_row(Text(what), Text(count), Text(figure))
    console.print(table)


def checks_table(checks: Sequence[Check]) -> None:
    """Print what `medneg doctor` found."""
    table = Table("", "subject", "found", "what to do", header_style="dim")
    for check in checks:
        mark = Text("✓", style="green") if check.ok else Text("✗" if check.required else "–", style="red")
        table.add_row(mark, Text(check.subject), Text(check.detail), Text(check.advice))
    console.print(table)


def complain(message: str) -> None:
    """Say on standard error what went wrong."""
    complaints.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
