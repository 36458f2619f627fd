"""Carriers are data: what is in them, and that gold readings say what they mean."""

from __future__ import annotations

import string
from typing import get_args

import pytest

from medneg.evaluation.questions import Kind
from medneg.evaluation.wordings import (
    Asked,
    Wording,
    carriers,
    con2_prompts,
    fill,
    gold,
    read_words,
    understood,
)
from medneg.query import parse

BLANKS = {
    "affirmed": {"a"},
    "two-affirmed": {"a", "a2"},
    "negated": {"b"},
    "normality": {"n"},
    "exclusion": {"a", "b"},
    "two-wanted": {"a", "a2", "b"},
    "two-excluded": {"a", "b", "b2"},
    "uncertain": {"a", "b", "c"},
}
PAIR = Asked(wanted=("pleural_effusion",), unwanted=("pneumothorax",))


def blanks(carrier):
    return {name for _, name, _, _ in string.Formatter().parse(carrier) if name}


def test_every_kind_has_several_carriers_with_its_blanks():
    assert set(carriers()) == set(get_args(Kind)) - {"named"} == set(BLANKS)
    for kind, wordings in carriers().items():
        assert set(wordings) == set(get_args(Wording))
        for carrier in (*wordings["structured"], *wordings["natural"]):
            assert blanks(carrier) == BLANKS[kind], carrier


def test_there_are_ninety_nine_prompts_in_four_groups():
    sizes = {group: len(prompts) for group, prompts in con2_prompts().items()}
    assert sum(sizes.values()) == 99
    assert sorted(sizes) == [
        "natural negative",
        "natural positive",
        "structured negative",
        "structured positive",
    ]
    prompts = [prompt for group in con2_prompts().values() for prompt in group]
    assert len(set(prompts)) == 99
    assert all(blanks(prompt) == {"x"} for prompt in prompts)


def test_blanks_are_filled_in_their_order():
    asked = Asked(
        wanted=("pleural_effusion", "cardiomegaly"), unwanted=("pneumothorax",), open=("pneumonia",)
    )
    words = fill("{a} and {a2} but no {b}, possible {c}", asked)
    assert words == "pleural effusion and cardiomegaly but no pneumothorax, possible pneumonia"


def test_the_gold_reading_is_the_parsers_own_form():
    words = "pleural effusion but no pneumothorax"
    meant, read = gold(words, PAIR), parse(words)
    assert [(m.text, m.finding, m.strength) for m in meant.mentions] == [
        (m.text, m.finding, m.strength) for m in read.mentions
    ]
    assert meant.counterfactuals == read.counterfactuals


def test_normality_wants_the_statement_and_not_what_it_denies():
    asked = Asked(unwanted=("lung_opacity",), normal="clear_lungs")
    assert understood(parse("clear lungs"), asked)
    assert gold("clear lungs", asked).negated[0].strength == "weak"


def test_a_misreading_is_noticed():
    assert understood(read_words("pleural effusion but no pneumothorax", PAIR, "real"), PAIR)
    assert not understood(parse("pleural effusion and pneumothorax"), PAIR)
    assert understood(read_words("pleural effusion and pneumothorax", PAIR, "gold"), PAIR)


@pytest.mark.parametrize("kind", sorted(set(BLANKS) - {"normality"}))
def test_the_parser_understands_nearly_all_carriers(kind):
    letters = BLANKS[kind]
    asked = Asked(
        wanted=("pleural_effusion", "cardiomegaly")[: len(letters & {"a", "a2"})],
        unwanted=("pneumothorax", "pacemaker")[: len(letters & {"b", "b2"})],
        open=("lung_nodule",)[: len(letters & {"c"})],
    )
    sentences = [fill(carrier, asked) for wording in carriers()[kind].values() for carrier in wording]
    missed = [words for words in sentences if not understood(parse(words), asked)]
    assert len(missed) <= 1, missed
