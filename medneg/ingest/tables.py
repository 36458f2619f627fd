"""Labels and reports on their way from tables into the archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medneg.archive import Label
from medneg.errors import ManifestError
from medneg.manifests import LabelRow, LabelTable, read_labels, read_reports, recognise
from medneg.query import label_report
from medneg.values import FindingState

if TYPE_CHECKING:
    from medneg.archive import Archive

CHUNK = 500
"""Files that the archive is told about at once."""


def read_tables(
    found: Sequence[Path], manifests: Sequence[Path], reports: Sequence[Path]
) -> tuple[list[LabelTable], dict[str, str]]:
    """The tables found beside the images, then those named: a later one has the last word.

    Args:
        found: CSV files of any kind, the known ones of which are read.
        manifests: tables of labels.
        reports: tables of reports.

    Returns:
        Tables of labels, and report text by StudyInstanceUID.

    Raises:
        ManifestError: if a table is missing or cannot be used.
    """
    for path in (*manifests, *reports):
        if not path.is_file():
            raise ManifestError(f"there is no table {path}")
    kinds = {path: recognise(path) for path in found}
    labels = [path for path, kind in kinds.items() if kind not in (None, "reports")]
    texts: dict[str, str] = {}
    for path in (*(path for path, kind in kinds.items() if kind == "reports"), *reports):
        texts |= read_reports(path)
    return [read_labels(path) for path in dict.fromkeys((*labels, *manifests))], texts


def add_labels(archive: Archive, paths: Sequence[str], tables: Sequence[LabelTable]) -> tuple[int, list[str]]:
    """Record what tables say of files; returns of how many images they speak, and what was left out."""
    labelled = 0
    named: Counter[Path] = Counter()
    for start in range(0, len(paths) if tables else 0, CHUNK):
        labels = {}
        for path in paths[start : start + CHUNK]:
            for table in tables:
                row = table.row(path)
                if row is not None:
                    labels[path] = _label(row, archive.pseudonym_key)
                    named[table.path] += 1
        labelled += archive.label(labels)
    return labelled, [complaint for table in tables for complaint in _complaints(table, named[table.path])]


def _label(row: LabelRow, key: bytes) -> Label:
    from medneg.dicom import pseudonym

    patient = None if row.patient is None else pseudonym(key, row.patient)
    return Label(
        findings=row.findings,
        patient=patient,
        view=row.view,
        sex=row.sex,
        age=row.age,
        study_date=row.study_date,
    )


def _complaints(table: LabelTable, named: int) -> Iterator[str]:
    for label, lines in table.unknown.items():
        yield f"{table.path}: the label {label!r} ({lines} lines) names nothing in the lexicon; left out"
    if not named:
        yield f"{table.path} names none of the files that were found"


def add_reports(archive: Archive, texts: Mapping[str, str]) -> int:
    """Store the reports of studies that the archive holds, and read the new ones; returns how many."""
    from medneg.dicom import pseudonym

    key = archive.pseudonym_key
    named = [(pseudonym(key, study), text) for study, text in texts.items()]
    stored = 0
    for start in range(0, len(named), CHUNK):
        some = dict(named[start : start + CHUNK])
        known = archive.reports(list(some))
        stored += len(known)
        new = {study: some[study] for study, text in known.items() if text != some[study]}
        read = [(study, text, states(text)) for study, text in new.items()]
        if read:
            archive.add_reports(read)
    return stored


def states(report: str) -> dict[str, FindingState]:
    """What a report says of each finding, as it is said; ``Lexicon.state`` and filters add its kin."""
    return {finding: label.state for finding, label in label_report(report).items()}
