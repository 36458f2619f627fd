"""A table of reports becomes a table of labels."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from medneg.errors import ManifestError
from medneg.labelling import (
    ReportTable,
    count_states,
    label_table,
    report_table,
    write_evidence,
    write_json,
    write_labels,
)
from medneg.query import label_schema

NIH = label_schema("nih")
ROWS = [
    {"uid": "r1", "findings": "Effusion. No pneumothorax.", "impression": "Possible pneumonia.", "set": "a"},
    {"uid": "r2", "findings": "The lungs are clear.", "impression": "", "set": "a"},
    {"uid": "r3", "findings": "No effusion.", "impression": "Left effusion.", "set": "b"},
]  # fmt: skip


def table(folder: Path, rows: list[dict[str, str]] = ROWS, **chosen: object) -> ReportTable:
    path = folder / "reports.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return report_table(path, **chosen)


def written(reports: ReportTable) -> list[dict[str, str]]:
    out = io.StringIO()
    assert len(list(write_labels(label_table(reports, NIH), reports, NIH, out))) == reports.reports
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_a_line_has_one_zero_minus_one_or_nothing_for_each_label(tmp_path: Path):
    first, second, third = written(table(tmp_path))
    assert list(first) == ["uid", *NIH.columns]
    assert (first["uid"], first["Effusion"], first["Pneumothorax"], first["Pneumonia"]) == (
        "r1",
        "1",
        "0",
        "-1",
    )
    assert first["Mass"] == ""
    assert (second["Consolidation"], second["Effusion"], second["No Finding"]) == ("0", "", "1")
    assert third["Effusion"] == "1"


def test_no_word_of_a_report_is_in_the_table_of_labels(tmp_path: Path):
    reports = table(tmp_path, [{"id": "1", "report": "Jane Doe has a left effusion."}])
    out = io.StringIO()
    list(write_labels(label_table(reports, NIH), reports, NIH, out))
    list(write_json(label_table(reports, NIH), reports, NIH, out))
    assert "Doe" not in out.getvalue()
    assert "left" not in out.getvalue()


def test_json_lines_hold_the_same_labels(tmp_path: Path):
    reports = table(tmp_path)
    out = io.StringIO()
    list(write_json(label_table(reports, NIH), reports, NIH, out))
    first = json.loads(out.getvalue().splitlines()[0])
    assert first == {"uid": "r1", "labels": {"Effusion": 1, "Pneumonia": -1, "Pneumothorax": 0}}


def test_evidence_names_the_cell_and_the_sentence(tmp_path: Path):
    reports = table(tmp_path)
    out = io.StringIO()
    list(write_evidence(label_table(reports, NIH), out))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    last = next(line for line in lines if line["id"] == "r3" and line["finding"] == "pleural_effusion")
    assert (last["column"], last["state"], last["words"], last["sentence"]) == (
        "impression", "present", "Left effusion", "Left effusion"
    )  # fmt: skip
    for line in lines:
        cell = next(row for row in ROWS if row["uid"] == line["id"])[line["column"]]
        assert cell[slice(*line["sentence_span"])] == line["sentence"]
        assert cell[slice(*line["span"])] == line["words"]


def test_states_are_counted_by_label(tmp_path: Path):
    counts = count_states(label_table(table(tmp_path), NIH), NIH)
    assert counts["Effusion"] == {"present": 2, "uncertain": 0, "absent": 0}
    assert counts["Pneumonia"] == {"present": 0, "uncertain": 1, "absent": 1}


def test_progress_counts_the_reports_that_are_read(tmp_path: Path):
    seen: list[tuple[int, int]] = []
    reports = table(tmp_path, only={"set": "a"})
    list(label_table(reports, NIH, progress=lambda done, total: seen.append((done, total))))
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("header", "columns", "id_column"),
    [
        (("Study_ID", "Report"), ("Report",), "Study_ID"),
        (("text", "label"), ("text",), None),
        (("uid", "findings", "impression"), ("findings", "impression"), "uid"),
        (("Path", "Report Impression"), ("Report Impression",), "Path"),
        (("impression", "report"), ("report",), None),
    ],
)
def test_columns_are_known_by_their_names(tmp_path, header, columns, id_column):
    found = table(tmp_path, [dict.fromkeys(header, "No effusion.")])
    assert (found.columns, found.id_column) == (columns, id_column)


def test_without_an_id_a_report_goes_by_its_line(tmp_path: Path):
    rows = written(table(tmp_path, [{"text": "No effusion."}, {"text": "Effusion."}]))
    assert [row["line"] for row in rows] == ["2", "3"]


def test_columns_can_be_named(tmp_path: Path):
    named = table(tmp_path, columns=["impression"], id_column="set")
    assert [(row["set"], row["Effusion"]) for row in written(named)] == [("a", ""), ("a", ""), ("b", "1")]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"columns": ["body"]}, "has no column 'body'; it has uid, findings, impression, set"),
        ({"id_column": "id"}, "has no column 'id'; it has"),
        ({"only": {"split": "a"}}, "has no column 'split'; it has"),
    ],
)
def test_a_column_that_is_missing_is_named(tmp_path: Path, chosen: dict[str, object], message: str):
    with pytest.raises(ManifestError, match=message):
        table(tmp_path, **chosen)


def test_a_table_without_a_column_of_reports_is_refused(tmp_path: Path):
    with pytest.raises(ManifestError, match="no column of reports that is known; name it; it has a, b"):
        table(tmp_path, [{"a": "1", "b": "2"}])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no reports"),
        (b"id,report\n", "holds no reports"),
        (b"id,report\n1,\xff\xfe\n", "in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=message):
        report_table(path)
    with pytest.raises(ManifestError, match="cannot be read"):
        report_table(tmp_path / "none.csv")
