from __future__ import annotations

import json

import pytest

from medneg.errors import QueryError
from medneg.query import from_json, parse, predictions, to_json

QUERIES = [
    "effusion but no calcification",
    "clear lungs except for a small left effusoin",
    "portable film, possible pneumonia vs edema, stable PE, no unicorns",
]


@pytest.mark.parametrize("words", QUERIES)
def test_a_query_survives_json(words: str):
    query = parse(words)
    assert from_json(json.loads(json.dumps(to_json(query)))) == query


def test_json_names_its_version():
    assert to_json(parse("effusion"))["schema_version"] == 1


def test_an_edited_query_stands_as_it_is():
    data = to_json(parse("effusion but no calcification"))
    data["affirmed"].append(
        {**data["affirmed"][0], "text": "cardiomegaly", "origin": "user", "finding": "cardiomegaly"}
    )
    assert [mention.text for mention in from_json(data).affirmed] == ["pleural effusion", "cardiomegaly"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema version 1; got 2"),
        ({"colour": "red"}, "Query has no field colour"),
        ({"counterfactuals": []}, "one counterfactual per negated mention"),
        ({"negated": [{"text": "mass", "polarity": "negated"}]}, "strength is set for negated mentions"),
        ({"affirmed": [{"words": "mass"}]}, "Mention has no field words"),
        ({"affirmed": 3}, "this is no query"),
        ({"affirmed": ["mass"]}, "this is no query"),
        ({"raw": None}, "raw is a string; got None"),
    ],
)
def test_what_is_no_query_is_refused(change: dict[str, object], message: str):
    with pytest.raises(QueryError, match=message):
        from_json({**to_json(parse("effusion but no calcification")), **change})


def test_a_list_is_no_query():
    with pytest.raises(QueryError, match="is an object; got list"):
        from_json([])  # type: ignore[arg-type]


def test_predictions_are_plain_phrases():
    assert predictions(parse("effusion, possible mass, no calcification")) == {
        "affirmed": ["pleural effusion"],
        "negated": [{"concept": "calcification", "strength": "strong"}],
        "uncertain": ["lung mass"],
    }
