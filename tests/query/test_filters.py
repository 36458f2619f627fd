"""Field filters among the words of a query."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medneg.errors import FilterError
from medneg.query import Condition, from_json, parse, read_condition, to_json


def filters(query: str) -> list[tuple[str, str, str]]:
    return [(each.field, each.text, query[slice(*each.span)]) for each in parse(query).filters]


def refusals(query: str) -> list[str]:
    return [warning.message for warning in parse(query).warnings if warning.code == "filter_refused"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("effusion view:PA no ptx", [("view", "PA", "view:PA")]),
        ("view:pa|ap effusion", [("view", "pa|ap", "view:pa|ap")]),
        ("effusion sex:F, age:>60.", [("sex", "F", "sex:F"), ("age", ">60", "age:>60")]),
        ("effusion age:40..60", [("age", "40..60", "age:40..60")]),
        ("effusion (age:40..)", [("age", "40..", "age:40..")]),
        ("effusion age >= 60", [("age", ">=60", "age >= 60")]),
        ("effusion view=PA", [("view", "PA", "view=PA")]),
        ("Sex: F effusion", [("sex", "F", "Sex: F")]),
        ('modality:"dx" effusion', [("modality", "dx", 'modality:"dx"')]),
        ("date:2024-01..2024-06 effusion", [("date", "2024-01..2024-06", "date:2024-01..2024-06")]),
        ("view: portable effusion", []),
        ("findings: no effusion", []),
        ("pneumothorax:no", []),
    ],
)
def test_filters_stand_among_the_words(query: str, found: list[tuple[str, str, str]]):
    assert filters(query) == found
    assert refusals(query) == []


def test_filters_take_no_part_in_the_reading():
    query = parse("no effusion view:PA or age:>60 calcification sex:F")
    assert [mention.text for mention in query.negated] == ["pleural effusion", "calcification"]
    assert query.raw[slice(*query.negated[1].span or ())] == "calcification"
    assert not query.needs_review


def test_the_sentence_leaves_filters_out_and_nothing_else():
    assert parse("effusion, view:PA, no ptx").sentence == "effusion, , no ptx"
    assert parse("  effusion:  no ptx ").sentence == "  effusion:  no ptx "
    assert parse("view:PA").sentence == "chest x-ray"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("foo:bar effusion", "'foo:bar' is not used: unknown field 'foo'; the fields are view, sex, age"),
        ("effusion view:oblique", "'view:oblique' is not used: view must be one of PA, AP, LATERAL"),
        ("effusion -view:LATERAL", "'-view:LATERAL' is not used: a filter says what view must be"),
        ("effusion NOT view:PA", "'NOT view:PA' is not used: a filter says what view must be"),
        ("effusion age:old", "'age:old' is not used: age is a number of years; got 'old'"),
        ("effusion age:60..40", "'age:60..40' is not used: a range begins at its lower end"),
        ("effusion age:..", "'age:..' is not used: a range needs a number on one side"),
        ("effusion age:200", "'age:200' is not used: age must be in [0, 150] years; got '200'"),
        ("effusion date:2024-13", "'date:2024-13' is not used: date looks like 2024-01-31, 2024-01 or 2024"),
        ("effusion modality:xray", "'modality:xray' is not used: modality is a DICOM code of two letters"),
        ("effusion view:PA view:AP", "'view:AP' is not used: view cannot be both; separate alternatives"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_is_allowed(query: str, why: str):
    (said,) = refusals(query)
    assert said.startswith(why)
    assert parse(query).needs_review
    assert [mention.text for mention in parse(query).mentions] == ["pleural effusion"]


@pytest.mark.parametrize(
    ("field", "text", "low", "high"),
    [
        ("age", "60", 60.0, 60.0),
        ("age", ">60", math.nextafter(60, 99), None),
        ("age", "<=60", None, 60.0),
        ("age", "..60", None, 60.0),
        ("age", "<0", None, 0.0),
        ("date", "2024", "2024-01-01", "2024-12-31"),
        ("date", "2024-02", "2024-02-01", "2024-02-29"),
        ("date", ">2024-02", "2024-03-01", None),
        ("date", "<2024", None, "2023-12-31"),
        ("date", "2024-01-05..2024-02", "2024-01-05", "2024-02-29"),
    ],
)
def test_the_ends_of_ages_and_dates(field: str, text: str, low: float | str, high: float | str):
    condition = read_condition(field, text)
    assert (condition.low, condition.high) == (low, high)


def test_alternatives_and_other_spellings():
    assert read_condition("view", "frontal|lat") == Condition(field="view", choices=("PA", "AP", "LATERAL"))
    assert read_condition("SEX", "female").choices == ("F",)


def test_an_unknown_field_is_refused():
    with pytest.raises(
        FilterError, match="unknown field 'colour'; the fields are view, sex, age, date, modal"
    ):
        read_condition("colour", "red")


def test_filters_survive_json():
    query = parse("effusion view:PA age:40..60")
    assert from_json(to_json(query)) == query


@given(
    st.sampled_from(["view", "sex", "age", "date", "modality", "foo"]),
    st.sampled_from([":", "=", ">", ":>=", " : "]),
    st.text(max_size=20),
)
def test_any_value_is_used_or_named_or_read_as_words(field: str, sign: str, value: str):
    query = parse(f"effusion {field}{sign}{value}")
    assert "pleural_effusion" in {mention.finding for mention in query.mentions}
