"""Operators from search boxes among the words: -X, NOT, !, quotes, parentheses."""

from __future__ import annotations

import pytest

from medneg.query import parse


def codes(query: str) -> set[str]:
    return {warning.code for warning in parse(query).warnings}


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("pneumothorax && !\"chest tube\"", ["pneumothorax"], ["chest tube"]),
        ("pneumothorax & ~effusion", ["pneumothorax"], ["pleural effusion"]),
        ("+effusion -mass -nodule", ["pleural effusion"], ["lung mass", "lung nodule"]),
        ("NOT effusion NOT edema mass", ["lung mass"], ["pleural effusion", "pulmonary edema"]),
        ("effusion NOT calcification edema", ["pleural effusion", "pulmonary edema"], ["calcification"]),
        ("NOT effusion AND cardiomegaly", ["cardiomegaly"], ["pleural effusion"]),
        ("NOT bulla, nodule or mass", [], ["bulla", "lung nodule", "lung mass"]),
        ("films that do NOT show effusion or edema", [], ["pleural effusion", "pulmonary edema"]),
        ("EFFUSION NOT CALCIFICATION OR MASS", ["pleural effusion"], ["calcification", "lung mass"]),
        ("effusion but - calcification", ["pleural effusion"], ["calcification"]),
        ("effusion (-), mass (+)", ["lung mass"], ["pleural effusion"]),
        ("pneumothorax -ve, effusion +ve", ["pleural effusion"], ["pneumothorax"]),
    ],
)  # fmt: skip
def test_operators_mix_with_words(query: str, wanted: list[str], unwanted: list[str]):
    found = parse(query)
    assert [mention.text for mention in found.affirmed] == wanted
    assert [mention.text for mention in found.negated] == unwanted


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("NOT (effusion OR edema)", [], ["pleural effusion", "pulmonary edema"]),
        (
            "no (effusion or edema) and cardiomegaly",
            ["cardiomegaly"],
            ["pleural effusion", "pulmonary edema"],
        ),
        ("(nodule OR mass) AND NOT granuloma", ["lung nodule", "lung mass"], ["granuloma"]),
        ("-(effusion edema) mass", ["lung mass"], ["pleural effusion", "pulmonary edema"]),
        (
            "NOT ((effusion OR edema) AND mass) nodule",
            ["lung nodule"],
            ["pleural effusion", "pulmonary edema", "lung mass"],
        ),
        ("NOT (effusion OR NOT edema)", ["pulmonary edema"], ["pleural effusion"]),
        ("neither (effusion nor edema)", [], ["pleural effusion", "pulmonary edema"]),
        ("(effusion or edema) absent", [], ["pleural effusion", "pulmonary edema"]),
        (
            "effusion (no pneumothorax) and cardiomegaly",
            ["pleural effusion", "cardiomegaly"],
            ["pneumothorax"],
        ),
        ("effusion (left), no ptx", ["left pleural effusion"], ["pneumothorax"]),
        ("no (large) effusion", [], ["large pleural effusion"]),
        ("ETT (endotracheal tube), no ptx", ["endotracheal tube"], ["pneumothorax"]),
    ],
)
def test_a_negation_before_a_parenthesis_reaches_all_of_it(
    query: str, wanted: list[str], unwanted: list[str]
):
    found = parse(query)
    assert [mention.text for mention in found.affirmed] == wanted
    assert [mention.text for mention in found.negated] == unwanted


def test_excluding_each_of_several_is_said_not_to_be_the_same_as_excluding_all():
    assert "negated_conjunction" in codes("NOT (effusion AND edema)")
    assert parse("NOT (effusion AND edema)").needs_review
    assert "negated_conjunction" not in codes("NOT (effusion OR edema)")


def test_an_or_between_wanted_findings_is_said_to_ask_for_both():
    assert "or_of_wanted" in codes("effusion OR edema")
    assert "or_of_wanted" not in codes("no effusion or edema")
    assert not parse("effusion OR edema").needs_review


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ('"deep sulcus sign" no ptx', ["deep sulcus sign", "pneumothorax"]),
        ('"Luftsichel sign of Golden" effusion', ["Luftsichel sign of Golden", "pleural effusion"]),
        ("'bronchogenic cyst' effusion", ["bronchogenic cyst", "pleural effusion"]),
        ("“left pleural effusion” mass", ["left pleural effusion", "lung mass"]),
        ('"show me the registrar" effusion', ["show me the registrar", "pleural effusion"]),
    ],
)
def test_a_quoted_phrase_is_one_concept(query: str, texts: list[str]):
    assert [mention.text for mention in parse(query).mentions] == texts


def test_a_quoted_sentence_is_a_sentence():
    found = parse('"effusion but no calcification"')
    assert [mention.text for mention in found.negated] == ["calcification"]


@pytest.mark.parametrize("query", ["(effusion", "effusion) mass", 'effusion "mass', "effusion ((mass)"])
def test_marks_without_a_partner_are_said_and_ignored(query: str):
    found = parse(query)
    assert "unbalanced" in {warning.code for warning in found.warnings}
    assert found.affirmed[0].text == "pleural effusion"
    assert found.needs_review


def test_a_dash_between_blanks_is_doubted():
    assert "ambiguous_dash" in codes("effusion - calcification")
    assert "ambiguous_dash" not in codes("effusion - no calcification")
