"""Reading reports: `label`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from medneg.cli.application import JsonOption, app
from medneg.errors import ManifestError

if TYPE_CHECKING:
    from medneg.evaluation.reports import ReportEvaluation
    from medneg.labelling import LabelledReport, ReportTable
    from medneg.query import LabelSchema


@app.command()
def label(
    reports: Annotated[Path, typer.Argument(help="CSV file with one report a line.", metavar="REPORTS.csv")],
    out: Annotated[Path | None, typer.Option(help="Write the labels here; without it, print them.")] = None,
    schema: Annotated[str, typer.Option(help="chexpert, nih, openi, mesh or lexicon.")] = "chexpert",
    column: Annotated[list[str] | None, typer.Option(help="A column of text; may be repeated.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="The column that names a report.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="COLUMN=VALUE that a line must have.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Write the deciding sentences, as JSON lines.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="Compare with the true labels in this column.")] = None,
    find: Annotated[str | None, typer.Option(help="With --against: compare what this query finds.")] = None,
    seed: Annotated[int, typer.Option(help="Of the intervals.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Read reports: which finding is present (1), absent (0), uncertain (-1) or not spoken of (nothing)."""
    from medneg import labelling
    from medneg.query import label_schema
    from medneg.terminal.labels import show_counts, show_evaluation
    from medneg.terminal.progress import progress_bar

    if find is not None and against is None:
        raise ManifestError("--find needs --against: the column that says which reports it should find")
    labels = label_schema(schema)
    table = labelling.report_table(
        reports, columns=column or (), id_column=id_column, only=_pairs(only or [])
    )
    with ExitStack() as files, progress_bar("Reading", "report") as progress:
        rows = labelling.label_table(table, labels, progress=progress)
        if evidence is not None:
            rows = labelling.write_evidence(rows, files.enter_context(_written(evidence)))
        if against is not None:
            compared = _compared(rows, table, labels, (against, find, seed))
        else:
            write = labelling.write_json if as_json else labelling.write_labels
            rows = write(rows, table, labels, files.enter_context(_written(out)))
            counts = labelling.count_states(rows, labels)
    if against is None and out is not None:
        show_counts(counts, table.reports)
    elif against is not None and as_json:
        print(json.dumps(compared.to_json()))
    elif against is not None:
        show_evaluation(compared)


def _compared(
    rows: Iterator[LabelledReport],
    table: ReportTable,
    schema: LabelSchema,
    asked: tuple[str, str | None, int],
) -> ReportEvaluation:
    from medneg.evaluation.reports import compare_labels, compare_searches
    from medneg.query import parse

    against, find, seed = asked
    if find is None:
        return compare_labels(rows, schema, against, seed=seed)
    return compare_searches(rows, table, schema, query=parse(find), against=against, seed=seed)


def _pairs(conditions: list[str]) -> dict[str, str]:
    for condition in conditions:
        if "=" not in condition:
            raise ManifestError(f"--only takes COLUMN=VALUE; got {condition!r}")
    return {name.strip(): value.strip() for name, _, value in (one.partition("=") for one in conditions)}


@contextmanager
def _written(path: Path | None) -> Iterator[TextIO]:
    """A file that is there only when it is whole, or standard output."""
    if path is None:
        yield sys.stdout
        return
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(unfinished, path)
    except OSError as error:
        raise ManifestError(f"{path} cannot be written ({type(error).__name__})") from None
    finally:
        unfinished.unlink(missing_ok=True)
