"""``medneg label`` as people and scripts use it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medneg import cli
from medneg.errors import MednegError

runner = CliRunner()


@pytest.fixture
def reports(tmp_path: Path) -> str:
    path = tmp_path / "reports.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [
                ("id", "report", "gold", "mesh"),
                ("a", "Left effusion. No edema.", "Effusion", "Pleural Effusion/left"),
                ("b", "Effusion, calcified granuloma.", "Effusion", "Pleural Effusion; Calcified Granuloma"),
                ("c", "The lungs are clear.", "normal", "normal"),
            ]
        )
    return str(path)


def run(*arguments: str) -> str:
    done = runner.invoke(cli.app, ["label", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_labels_are_printed_as_a_table_for_programs(reports: str):
    rows = list(csv.DictReader(run(reports).splitlines()))
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert (rows[0]["Pleural Effusion"], rows[0]["Edema"], rows[2]["No Finding"]) == ("1", "0", "1")


def test_labels_are_printed_as_json_lines(reports: str):
    rows = [json.loads(line) for line in run(reports, "--json", "--schema", "nih").splitlines()]
    assert rows[0] == {"id": "a", "labels": {"Edema": 0, "Effusion": 1}}


def test_labels_and_evidence_are_written_to_files(reports: str, tmp_path: Path):
    out, evidence = tmp_path / "labels.csv", tmp_path / "evidence.jsonl"
    shown = run(reports, "--out", str(out), "--evidence", str(evidence), "--only", "id=a")
    assert "1 reports" in shown
    assert out.read_text(encoding="utf-8").splitlines()[1].startswith("a,")
    lines = [json.loads(line) for line in evidence.read_text(encoding="utf-8").splitlines()]
    assert [(line["finding"], line["state"], line["sentence"]) for line in lines] == [
        ("pleural_effusion", "present", "Left effusion"),
        ("pulmonary_edema", "absent", "No edema"),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evidence.jsonl", "labels.csv", "reports.csv"]


def test_labels_are_compared_with_true_ones(reports: str):
    compared = json.loads(run(reports, "--schema", "openi", "--against", "gold", "--json"))
    assert compared["of"] == "label"
    assert [(row["name"], row["both"]) for row in compared["rows"]] == [("Effusion", 2), ("micro-average", 2)]
    assert "micro-average" in run(reports, "--schema", "openi", "--against", "gold")


def test_a_query_is_compared_with_keywords(reports: str):
    asked = ("--schema", "mesh", "--against", "mesh", "--find", "effusion but no calcification", "--json")
    rows = json.loads(run(reports, *asked))["rows"]
    assert [(row["name"], row["said"], row["both"]) for row in rows] == [
        ("what reports say", 1, 1),
        ("effusi* AND NOT calcif*", 1, 1),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "gold"), "--only takes COLUMN=VALUE; got 'gold'"),
        (("--column", "text"), "has no column 'text'; it has id, report, gold, mesh"),
        (("--schema", "icd"), "unknown label schema 'icd'"),
        (("--find", "effusion"), "--find needs --against"),
        (("--out", "/nowhere/labels.csv"), "/nowhere/labels.csv cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(reports: str, arguments: tuple[str, ...], message: str):
    done = runner.invoke(cli.app, ["label", reports, *arguments])
    assert isinstance(done.exception, MednegError)
    assert message in str(done.exception)
