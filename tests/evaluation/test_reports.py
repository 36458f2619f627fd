"""Labels of reports, and what queries find by them, against true labels."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from medneg.errors import ManifestError, QueryError
from medneg.evaluation.reports import compare_labels, compare_searches, keywords
from medneg.labelling import label_table, report_table
from medneg.query import label_schema, parse

ROWS = [
    ("Left effusion. No calcification.", "Effusion", "Pleural Effusion/left"),
    ("Effusion and a calcified granuloma.", "Effusion", "Pleural Effusion; Calcified Granuloma"),
    ("No effusion. Pneumothorax.", "Effusion", "Pneumothorax"),
    ("Pleural fluid on the right.", "Effusion|Mass", "Pleural Effusion/right"),
    ("Clear lungs.", "normal", "normal"),
    ("Effusion.", "", "No Indexing"),
]


@pytest.fixture
def table(tmp_path: Path):
    path = tmp_path / "reports.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("report", "gold", "mesh"), *ROWS])
    return report_table(path)


def labels_compared(table, schema="openi", against="gold", **options):
    return compare_labels(label_table(table, label_schema(schema)), label_schema(schema), against, **options)


def test_each_label_is_counted_against_the_truth(table):
    found = {row.name: row for row in labels_compared(table).rows}
    effusion = found["Effusion"]
    assert (effusion.gold, effusion.said, effusion.both) == (4, 4, 3)
    assert effusion.precision.value == effusion.recall.value == effusion.f1.value == 0.75
    assert effusion.precision.low <= 0.75 <= effusion.precision.high
    assert found["Mass"].recall.value == 0
    assert np.isnan(found["Mass"].precision.value)
    assert "Edema" not in found
    average = found["micro-average"]
    assert (average.gold, average.said, average.both, average.average) == (5, 5, 3, True)


def test_reports_of_which_nothing_is_known_are_left_out(table):
    assert labels_compared(table, "mesh", "mesh").reports == 5
    assert labels_compared(table).reports == 6


def test_the_same_seed_gives_the_same_intervals(table):
    assert labels_compared(table, seed=3).to_json() == labels_compared(table, seed=3).to_json()


def test_json_has_no_nan(table):
    rows = {row["name"]: row for row in labels_compared(table).to_json()["rows"]}
    assert rows["Mass"]["precision"]["value"] is None


def test_a_query_is_compared_with_keywords(table):
    mesh = label_schema("mesh")
    found = compare_searches(
        label_table(table, mesh), table, mesh, query=parse("effusion but no calcification"), against="mesh"
    )
    ours, words = found.rows
    assert (ours.gold, ours.said, ours.both) == (2, 2, 2)
    assert (words.name, words.gold, words.said, words.both) == ("effusi* AND NOT calcif*", 2, 1, 0)


def test_keywords_are_the_last_words_cut_short():
    assert keywords(parse("left apical pneumothorax without rib fracture")) == "pneumo* AND NOT fractu*"


@pytest.mark.parametrize(
    ("query", "message"),
    [("effusion but no unicorns", "which is not in the lexicon"), ("portable", "names no finding")],
)
def test_a_query_that_reports_are_not_labelled_with_is_refused(table, query, message):
    mesh = label_schema("mesh")
    with pytest.raises(QueryError, match=message):
        compare_searches(label_table(table, mesh), table, mesh, query=parse(query), against="mesh")


def test_a_column_without_true_labels_is_refused(table):
    with pytest.raises(ManifestError, match="there is no column 'truth'; there are report, gold, mesh"):
        labels_compared(table, against="truth")
    with pytest.raises(ManifestError, match="names nothing that could be found; is it of another schema"):
        labels_compared(table, against="report")
