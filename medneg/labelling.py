"""A table of reports to a table of labels, with the words that say so on request."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from medneg.errors import ManifestError
from medneg.manifests import Line, lines
from medneg.query import LabelSchema, ReportFinding, label_report
from medneg.values import FindingState

_TEXT_COLUMNS = (
    ("findings", "impression"),
    ("report",),
    ("report_text",),
    ("report text",),
    ("text",),
    ("narrative",),
    ("report impression",),
    ("impression",),
    ("findings",),
)
_ID_COLUMNS = (
    "id",
    "uid",
    "report_id",
    "study",
    "study_id",
    "studyinstanceuid",
    "accession",
    "file",
    "path",
    "image",
)
_LINE = "line"
_RANK: Mapping[FindingState, int] = {"present": 0, "uncertain": 1, "absent": 2}
_NUMBERS: Mapping[FindingState, int] = {"present": 1, "absent": 0, "uncertain": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """A CSV file of reports, read line by line whenever it is labelled.

    Attributes:
        columns: those that hold the report's text, in the order in which they are read.
        id_column: what names a report; None counts lines.
        only: the value that each of some columns must have.
        reports: how many lines there are of which that is true.
    """

    path: Path
    columns: tuple[str, ...]
    id_column: str | None
    only: Mapping[str, str]
    reports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledReport:
    """One report's labels.

    Attributes:
        id: of its line in the table.
        states: by label of the schema; what the report does not speak of is left out.
        findings: by lexicon id the deciding statement and its column; spans are offsets into that cell.
        cells: the whole line of the table, reports included.
    """

    id: str
    states: Mapping[str, FindingState]
    findings: Mapping[str, tuple[str, ReportFinding]]
    cells: Line

    @property
    def said(self) -> dict[str, FindingState]:
        """The state of each finding as it is said, by lexicon id."""
        return {finding: label.state for finding, (_, label) in self.findings.items()}


def report_table(
    path: Path,
    *,
    columns: Sequence[str] = (),
    id_column: str | None = None,
    only: Mapping[str, str] | None = None,
) -> ReportTable:
    """Look at a table of reports: which columns hold text, what names a line, how many lines there are.

    Args:
        path: a CSV file in UTF-8 with a header line.
        columns: of text; by default ``findings`` and ``impression``, or ``report``, ``text`` and the like.
        id_column: by default the first of ``id``, ``uid``, ``study`` and the like.
        only: column names and the value that a line must have there.

    Raises:
        ManifestError: the file cannot be read, or lacks a column.
    """
    rows = lines(path)
    first = next(rows, None)
    if first is None:
        raise ManifestError(f"{path} holds no reports: it needs a header line and one line a report")
    known = {name.strip().lower(): name for name in first[1]}
    found = [known[name] for name in next((c for c in _TEXT_COLUMNS if set(c) <= set(known)), ())]
    chosen = only or {}
    for name in (*columns, *((id_column,) if id_column else ()), *chosen):
        if name not in first[1]:
            raise ManifestError(f"{path} has no column {name!r}; it has {', '.join(first[1])}")
    if not columns and not found:
        raise ManifestError(
            f"{path} has no column of reports that is known; name it; it has {', '.join(first[1])}"
        )
    return ReportTable(
        path=path,
        columns=tuple(columns) or tuple(found),
        id_column=id_column or next((known[name] for name in _ID_COLUMNS if name in known), None),
        only=chosen,
        reports=sum(_chosen(cells, chosen) for cells in (first[1], *(cells for _, cells in rows))),
    )


def label_table(
    table: ReportTable, schema: LabelSchema, *, progress: Callable[[int, int], None] | None = None
) -> Iterator[LabelledReport]:
    """Label every report of a table, in its order.

    Raises:
        ManifestError: a line cannot be read.
    """
    done = 0
    for number, cells in lines(table.path):
        if not _chosen(cells, table.only):
            continue
        findings = _findings(cells, table.columns)
        said = {finding: label.state for finding, (_, label) in findings.items()}
        yield LabelledReport(
            id=cells[table.id_column] if table.id_column else str(number),
            states=schema.states(said),
            findings=findings,
            cells=cells,
        )
        done += 1
        if progress is not None:
            progress(done, table.reports)


def write_labels(
    reports: Iterable[LabelledReport], table: ReportTable, schema: LabelSchema, out: TextIO
) -> Iterator[LabelledReport]:
    """Write a line a report as it passes: its id, then 1, 0, -1 (uncertain) or nothing for each label.

    It is CheXpert's convention (Irvin et al. 2019, section 3). No words of the report are written.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((table.id_column or _LINE, *schema.columns))
    for report in reports:
        writer.writerow((report.id, *(_number(report.states.get(name)) for name in schema.columns)))
        yield report


def write_json(
    reports: Iterable[LabelledReport], table: ReportTable, schema: LabelSchema, out: TextIO
) -> Iterator[LabelledReport]:
    """The same as one JSON object a line: the id under the column's name, and what is said by label."""
    for report in reports:
        numbers = {name: _NUMBERS[report.states[name]] for name in schema.columns if name in report.states}
        out.write(json.dumps({table.id_column or _LINE: report.id, "labels": numbers}) + "\n")
        yield report


def write_evidence(reports: Iterable[LabelledReport], out: TextIO) -> Iterator[LabelledReport]:
    """Write a line of JSON for each finding as its report passes: its state, the words and their sentence."""
    for report in reports:
        for column, label in report.findings.values():
            out.write(json.dumps(_evidence(report, column, label)) + "\n")
        yield report


def count_states(
    reports: Iterable[LabelledReport], schema: LabelSchema
) -> dict[str, dict[FindingState, int]]:
    """How many reports have each label present, uncertain and absent."""
    counts: Counter[tuple[str, FindingState]] = Counter()
    for report in reports:
        counts.update(report.states.items())
    return {name: {state: counts[name, state] for state in _RANK} for name in schema.columns}


def _chosen(cells: Line, only: Mapping[str, str]) -> bool:
    return all(cells[name].strip() == value for name, value in only.items())


def _findings(cells: Line, columns: Sequence[str]) -> dict[str, tuple[str, ReportFinding]]:
    """Of what several columns say of a finding, the state that outranks the others; see ``label_report``."""
    found: dict[str, tuple[str, ReportFinding]] = {}
    for column in columns:
        for finding, label in label_report(cells[column]).items():
            if finding not in found or _RANK[label.state] < _RANK[found[finding][1].state]:
                found[finding] = column, label
    return found


def _number(state: FindingState | None) -> str:
    return "" if state is None else str(_NUMBERS[state])


def _evidence(report: LabelledReport, column: str, label: ReportFinding) -> dict[str, Any]:
    text, mention = report.cells[column], label.mention
    return {
        "id": report.id,
        "finding": label.finding,
        "state": label.state,
        "modifiers": list(mention.modifiers),
        "cue": mention.cue,
        "words": text[slice(*mention.span)] if mention.span else None,
        "sentence": text[slice(*label.sentence)],
        "column": column,
        "span": mention.span,
        "cue_span": mention.cue_span,
        "sentence_span": label.sentence,
    }
