"""What a terminal shows: progress with a rate and an end time, and tables of answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
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
    from medneg.values import FindingState, Mention, Query

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


def show_query(query: Query) -> None:
    """Print the reading of a query on one line: a mark and a colour per mention, then what else it says."""
    line = Text()
    for mention in query.mentions:
        mark, colour = POLARITY_LOOK[mention.polarity]
        detail = f" ({mention.strength}, “{mention.cue}”)" if mention.strength and mention.cue else ""
        line.append(f"{mark} {mention.text}", style=f"bold {colour}").append(f"{detail}   ", style="dim")
    if query.context:
        line.append(f"context: {', '.join(query.context)}   ", style="dim")
    if query.ignored:
        line.append(f"not used: {', '.join(query.ignored)}", style="dim")
    console.print(line)


def show_answer(answer: Answer, store: Archive) -> None:
    """Print the hits, with the truth where a manifest tells it, and what is promised of them."""
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


def _truth(answer: Answer, store: Archive) -> dict[Mention, dict[int, FindingState]]:
    """Mention → image id → state, for the mentions of the query on which a manifest speaks."""
    from medneg.query import lexicon

    words = lexicon()
    states = store.findings([hit.image_id for hit in answer.hits], source="manifest")
    columns = {}
    for mention in answer.query.mentions:
        if mention.finding is not None:
            known = {image: words.state(mention.finding, states.get(image, {})) for image in states}
            columns[mention] = {image: state for image, state in known.items() if state is not None}
    return {mention: column for mention, column in columns.items() if column}


def _hits_table(answer: Answer, truth: dict[Mention, dict[int, FindingState]]) -> Table:
    from medneg.search import PLAIN, by_mention

    how = f"{answer.method}, {answer.space}"
    title = f"plain CLIP ({how})" if (answer.method, answer.space) == PLAIN else f"medneg ({how})"
    table = Table(title=Text(title, style="bold"), title_justify="left", header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("score", justify="right")
    rows = [by_mention(answer.query, hit.terms) for hit in answer.hits]
    for part in rows[0] if rows else ():
        table.add_column(_head(part.label, part.mention), justify="right")
    for mention in truth:
        table.add_column(_head("truth", mention))
    table.add_column("image", overflow="fold")
    for hit, parts in zip(answer.hits, rows, strict=True):
        values = (f"{part.value:+.4f}" for part in parts)
        states = (_state_cell(column.get(hit.image_id), mention) for mention, column in truth.items())
        table.add_row(str(hit.rank), f"{hit.score:.4f}", *values, *states, _foreign(_near(hit.image)))
    return table


def _head(words: str, mention: Mention | None) -> Text:
    """A column's head with the mark of the mention that it belongs to."""
    if mention is None:
        return Text(words)
    mark, colour = POLARITY_LOOK[mention.polarity]
    return Text.assemble((f"{mark} ", colour), words)


def _state_cell(state: FindingState | None, mention: Mention) -> Text:
    """The truth in a word, marked where it is not what was asked for."""
    asked = {"affirmed": "absent", "negated": "present"}.get(mention.polarity)
    return Text(state or "", style="bold red" if state == asked else "")


def _near(path: str) -> str:
    """A path as seen from here, if it lies here."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _foreign(text: str) -> Text:
    """Text that a file brought: what would steer the terminal is shown as a replacement character."""
    return Text("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text))


def ingest_summary(report: IngestReport) -> None:
    """Print what became searchable and what was set aside, with the reasons."""
    console.print(
        f"{report.indexed} indexed, {report.unchanged} unchanged, {len(report.rejected)} set aside; "
        f"{report.labelled} labelled, {report.reports} reports; "
        f"{report.seconds:.0f} s, {report.rate:.1f} files/s"
    )
    for warning in report.warnings:
        console.print(Text.assemble(("! ", "yellow"), _foreign(warning)))
    if report.rejected:
        table = Table("set aside", "reason", header_style="dim")
        for rejection in report.rejected:
            table.add_row(_foreign(rejection.file), _foreign(rejection.reason))
        console.print(table)


def encoders_table(rows: Sequence[CatalogueRow]) -> None:
    """Print the encoders that the registry knows, then the commands that bring the missing ones."""
    table = Table("encoder", "input", "width", "licence", "weights", header_style="dim")
    for row in rows:
        here = Text("here", style="green") if row.available else Text("not here", style="yellow")
        size = f"{row.input_size} px" if row.input_size else "?"
        table.add_row(Text(row.name), size, str(row.width or "?"), Text(row.licence), here)
    console.print(table)
    _advise({row.name: row.how_to_get for row in rows if not row.available})


def _advise(advice: Mapping[str, str]) -> None:
    """Print what to do about each subject, unbroken, so that a command can be copied."""
    for subject, what in advice.items():
        console.print(Text.assemble((f"{subject}: ", "dim"), what), soft_wrap=True)


def show_report(report: Report) -> None:
    """Print what an evaluation found: the findings it knows, the methods side by side, the comparisons."""
    console.print(
        f"{report.encoder} on {report.pictures:,} pictures, seed {report.seed}; 95 % intervals", style="dim"
    )
    known = _titled("What the encoder knows", "concept", "pictures that show it", "zero-shot AUC")
    for line in report.zero_shot:
        known.add_row(Text(line.concept.replace("_", " ")), str(line.positives), str(line.auc))
    known.add_row("mean over findings", f"{report.mean_auc.n} findings", str(report.mean_auc), style="bold")
    console.print(known)
    console.print(f"“no X” by plain cosine, precision@10: {report.negated}, n = {report.negated.n} findings")
    console.print(_methods_table(report))
    gains = _titled("Precision@10 on the hard pool, default minus …", "method", "n", "difference", "p")
    for other in report.comparisons:
        gain = other.difference
        name = f"{other.method}, {other.space}"
        gains.add_row(name, str(gain.figure.n), str(gain.figure), f"{gain.p:.4f}")
    console.print(gains)
    console.print(_examples_table(report))


def _titled(title: str, *columns: str) -> Table:
    return Table(*columns, title=Text(title, style="bold"), title_justify="left", header_style="dim")


def _methods_table(report: Report) -> Table:
    """One row a method: precision and violation among ten, on the whole gallery and on the hard pools."""
    table = _titled("“A but no B”", "method", "n", "precision@10", "violation@10", "hard p@10", "hard v@10")
    hard = {(row.method, row.space): row for row in report.exclusion if row.pool == "hard"}
    for row in report.exclusion:
        if row.pool == "gallery":
            other = hard[row.method, row.space]
            figures = (row.precision, row.violation, other.precision, other.violation)
            table.add_row(f"{row.method}, {row.space}", str(row.precision.n), *map(str, figures))
    return table


def _examples_table(report: Report) -> Table:
    table = _titled("Named queries", "query", "method", "p@10", "v@10", "hard p@10", "hard v@10")
    for one in report.examples:
        figures = (one.precision, one.violation, one.hard_precision, one.hard_violation)
        table.add_row(one.query, f"{one.method}, {one.space}", *(f"{figure:.2f}" for figure in figures))
    return table


def checks_table(checks: Sequence[Check]) -> None:
    """Print what `medneg doctor` found, then what to do about what is not as it should be."""
    table = Table("", "subject", "found", header_style="dim")
    for check in checks:
        mark = Text("✓", style="green") if check.ok else Text("✗" if check.required else "–", style="red")
        table.add_row(mark, Text(check.subject), _foreign(check.detail))
    console.print(table)
    _advise({check.subject: check.advice for check in checks if check.advice})


def complain(message: str) -> None:
    """Say on standard error what went wrong."""
    complaints.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
