"""Tables beside the images: labels and reports, as CSV. ``docs/reference/ingest.md`` describes the layouts.

A table is known by its columns. Its values are checked, not trusted: one that cannot be used names its line.
"""

from __future__ import annotations

import csv
import functools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from medneg.errors import ManifestError
from medneg.query import lexicon
from medneg.values import FindingState

Kind = Literal["flags", "list", "nih", "reports"]
Line = Mapping[str, str]

OLDEST = 90.0
"""Ages above 89 become this: 45 CFR 164.514(b)(2)(i)(C), HIPAA's Safe Harbor."""

_STATES: dict[str, FindingState] = {
    "1": "present", "1.0": "present", "0": "absent", "0.0": "absent", "-1": "uncertain", "-1.0": "uncertain"
}  # fmt: skip
_VIEWS = {"PA": "PA", "AP": "AP", "L": "LATERAL", "LL": "LATERAL", "LAT": "LATERAL", "LATERAL": "LATERAL"}
_SEXES = {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M", "O": "O", "OTHER": "O"}
_NIH_COLUMNS = {
    "file": "Image Index",
    "findings": "Finding Labels",
    "patient": "Patient ID",
    "age": "Patient Age",
    "sex": "Patient Gender",
    "view": "View Position",
}


def recognise(path: Path) -> Kind | None:
    """Tell by its columns what a table is; None when it is none of ours.

    "flags" has ``file`` and one column per lexicon id; "list" has ``file`` and ``findings``; "nih" is
    ChestX-ray14's own; "reports" has ``study`` and ``report``.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            columns = set(next(csv.reader(file), ()))
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    if {"Image Index", "Finding Labels"} <= columns:
        return "nih"
    if {"file", "findings"} <= columns:
        return "list"
    if "file" in columns and any(column in lexicon() for column in columns):
        return "flags"
    if {"study", "report"} <= columns:
        return "reports"
    return None


def read_labels(path: Path) -> LabelTable:
    """Read a table of labels.

    Raises:
        ManifestError: if it is no such table, or a line holds a value that cannot be used.
    """
    kind = recognise(path)
    if kind is None or kind == "reports":
        raise ManifestError(
            f"{path} is no table of labels: it needs the columns file and findings, or file and one column "
            "per finding (pleural_effusion, …), or those of ChestX-ray14 (Image Index, Finding Labels, …)"
        )
    unknown: Counter[str] = Counter()
    rows = {}
    for line, cells in lines(path):
        try:
            rows[_key(path, kind, cells)] = _READERS[kind](cells, unknown)
        except ValueError as error:
            raise ManifestError(f"{path}, line {line}: {error}") from None
    return LabelTable(path=path, rows=rows, by_name=kind == "nih", unknown=dict(unknown))


def read_reports(path: Path) -> dict[str, str]:
    """Read a table of reports: text by StudyInstanceUID, an identifier that is not to be stored.

    Raises:
        ManifestError: if it is no such table.
    """
    if recognise(path) != "reports":
        raise ManifestError(f"{path} is no table of reports: it needs the columns study and report")
    return {cells["study"].strip(): cells["report"] for _, cells in lines(path) if cells["study"].strip()}


def lines(path: Path) -> Iterator[tuple[int, Line]]:
    """Line number and cells by column of a CSV file in UTF-8; a short line has empty cells at its end.

    NUL characters are dropped: PostgreSQL keeps no text that holds one.

    Raises:
        ManifestError: if it cannot be read as such.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            for cells in reader:
                yield (
                    reader.line_num,
                    {name: value.replace("\0", "") for name, value in cells.items() if name is not None},
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        kind = type(error).__name__
        raise ManifestError(f"{path} cannot be read as a CSV file in UTF-8 ({kind})") from None


def _key(path: Path, kind: Kind, cells: Line) -> str:
    name = cells[_NIH_COLUMNS["file"] if kind == "nih" else "file"].strip()
    if not name:
        raise ValueError("it names no file")
    return os.path.basename(name) if kind == "nih" else os.path.abspath(path.parent / name)


def _read_flags(cells: Line, _unknown: Counter[str]) -> LabelRow:
    findings: dict[str, FindingState] = {}
    for column, cell in cells.items():
        if column not in lexicon() or not cell.strip():
            continue
        if cell.strip() not in _STATES:
            raise ValueError(f"{column} must be 1, 0, -1 (uncertain) or empty; got {cell[:40]!r}")
        findings[column] = _STATES[cell.strip()]
    return _row(cells, findings)


def _read_list(cells: Line, unknown: Counter[str]) -> LabelRow:
    closed = "closed world" in cells.get("label_source", "").lower() or cells.get("no_finding") == "1"
    return _row(cells, _listed(cells["findings"], closed=closed, unknown=unknown))


def _read_nih(cells: Line, unknown: Counter[str]) -> LabelRow:
    plain = {ours: cells.get(theirs, "") for ours, theirs in _NIH_COLUMNS.items()}
    return _row(plain, _listed(plain["findings"], closed=True, unknown=unknown))


def _listed(cell: str, *, closed: bool, unknown: Counter[str]) -> dict[str, FindingState]:
    """States from a list of labels; in a closed world, ChestX-ray14's other labels are absent."""
    present: dict[str, FindingState] = {}
    named = set()
    for label in (part.strip() for part in re.split(r"[|;]", cell)):
        if label.lower() in ("", "no finding"):
            continue
        found = _nih_labels().get(label.lower()) or _resolve(label)
        named.add(label.lower())
        if not found:
            unknown[label] += 1
        # "Hernia" is the label of two findings, one a kind of the other: only the general one is certain.
        general = [finding for finding in found if not set(lexicon().ancestors(finding)) & set(found)]
        present |= dict.fromkeys(general, "present")
    others = [ids for label, ids in _nih_labels().items() if closed and label not in named]
    return {**{finding: "absent" for ids in others for finding in ids}, **present}


def _resolve(label: str) -> tuple[str, ...]:
    finding = lexicon().resolve(label.replace("_", " "))
    return () if finding is None else (finding,)


@functools.cache
def _nih_labels() -> dict[str, tuple[str, ...]]:
    """Lexicon ids by ChestX-ray14 label, in lower case: fourteen labels."""
    labels: dict[str, tuple[str, ...]] = {}
    for finding in lexicon().findings:
        label = finding.labels.get("nih", "No Finding").lower()
        if label != "no finding":
            labels[label] = (*labels.get(label, ()), finding.id)
    return labels


def _row(cells: Line, findings: Mapping[str, FindingState]) -> LabelRow:
    return LabelRow(
        findings=findings,
        patient=cells.get("patient", "").strip() or None,
        view=_VIEWS.get((cells.get("view", "").upper().split() or [""])[0]),
        sex=_SEXES.get(cells.get("sex", "").strip().upper()),
        age=_age(cells.get("age", "")),
        study_date=_date(cells.get("study_date", "")),
    )


def _age(cell: str) -> float | None:
    """Years; ChestX-ray14's first release writes ``058Y``."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)Y?", cell.strip().upper())
    if match is None or float(match[1]) > 130:
        return None
    return min(float(match[1]), OLDEST)


def _date(cell: str) -> str | None:
    try:
        return date.fromisoformat(cell.strip()).isoformat()
    except ValueError:
        return None


_READERS: dict[Kind, Callable[[Line, Counter[str]], LabelRow]] = {
    "flags": _read_flags,
    "list": _read_list,
    "nih": _read_nih,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """What a table says of one image; ``patient`` is the identifier itself, not yet a pseudonym."""

    findings: Mapping[str, FindingState] = field(default_factory=dict)
    patient: str | None = None
    view: str | None = None
    sex: str | None = None
    age: float | None = None
    study_date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTable:
    """A table of labels.

    Attributes:
        path: where it was read from.
        rows: by absolute path, or by file name where the table gives no folders.
        by_name: whether ``rows`` go by file name.
        unknown: labels that name nothing in the lexicon, with the number of their lines.
    """

    path: Path
    rows: Mapping[str, LabelRow]
    by_name: bool
    unknown: Mapping[str, int]

    def row(self, path: str) -> LabelRow | None:
        """What the table says of the file at an absolute path; None when it does not name it."""
        return self.rows.get(os.path.basename(path) if self.by_name else path)
