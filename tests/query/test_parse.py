"""The typed query itself: spans, cues, corrections, counterfactuals, and texts of any kind."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medneg.errors import QueryError
from medneg.query import lexicon, parse
from medneg.query.cues import vocabulary
from medneg.query.reading import MAX_CHARACTERS
from medneg.values import Query

SHARED = Path(__file__).parents[2].parent / "shared" / "queries" / "queries_dev.jsonl"


def assert_sound(query: Query) -> None:
    for mention in query.mentions:
        for span, words in ((mention.cue_span, mention.cue), (mention.span, None)):
            if span is not None:
                phrase = query.raw[slice(*span)]
                assert phrase.strip() == phrase != ""
                assert words is None or words == phrase
        assert mention.span is not None
        assert (mention.finding is None) == (mention.origin == "unknown")


def test_the_parts_of_a_mention():
    (mention,) = parse("Effusion but no small left calcificaton").negated
    assert mention.text == "small left calcification"
    assert (mention.finding, mention.modifiers) == ("calcification", ("small", "left"))
    assert (mention.origin, mention.corrected_from) == ("fuzzy", "calcificaton")
    assert (mention.cue, mention.cue_span, mention.span) == ("but no", (9, 15), (16, 39))


def test_one_counterfactual_for_each_unwanted_finding():
    query = parse("effusion and cardiomegaly without edema or pneumothorax")
    assert query.counterfactuals == (
        "pleural effusion and cardiomegaly and pulmonary edema",
        "pleural effusion and cardiomegaly and pneumothorax",
    )


def test_a_counterfactual_without_wanted_findings_is_anchored_on_a_chest_x_ray():
    assert parse("no effusion").counterfactuals == ("chest x-ray with pleural effusion",)


def test_an_unknown_concept_keeps_the_words_and_its_polarity():
    query = parse("azygos fissure without Tracheal Bronchus")
    (mention,) = query.negated
    assert (mention.text, mention.finding, mention.origin) == ("Tracheal Bronchus", None, "unknown")
    assert query.needs_review


def test_what_normality_implies_says_why():
    (implied,) = parse("clear lungs").negated
    assert (implied.finding, implied.strength, implied.origin, implied.reason) == (
        "lung_opacity",
        "weak",
        "implied",
        "normality",
    )


def test_views_and_persons_are_context():
    assert parse("portable AP film of an elderly woman with effusion").context == (
        "portable AP",
        "elderly",
        "woman",
    )


def test_words_without_influence_are_shown():
    query = parse("stable effusion")
    assert query.ignored == ("stable",)
    assert not query.needs_review


def test_case_courtesy_and_spacing_do_not_matter():
    plain = parse("effusion but no calcification")
    for words in ("EFFUSION BUT NO CALCIFICATION", "please show me effusion  but no calcification."):
        assert [mention.text for mention in parse(words).mentions] == [
            mention.text for mention in plain.mentions
        ]


@pytest.mark.parametrize("blank", ["", "  ", "\n\t"])
def test_a_blank_query_is_refused(blank: str):
    with pytest.raises(QueryError, match="the query is empty"):
        parse(blank)


def test_a_long_query_is_refused_with_the_limit():
    with pytest.raises(QueryError, match="at most 2000 characters; got 2001"):
        parse("x" * (MAX_CHARACTERS + 1))


WORDS = sorted(
    {word for word in vocabulary().words() if word.strip()}
    | set(chain.from_iterable(finding.synonyms for finding in lexicon().findings))
    | {"-", "?", ",", ".", ":", ";", "(", ")", '"', "!", "n't", "w/o", "R/O", ">", "/", "unicorns"}
)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str):
    if text.strip():
        assert_sound(parse(text))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14))
def test_any_salad_of_known_words_can_be_read(words: list[str]):
    text = " ".join(words)
    if text.strip():
        assert_sound(parse(text))


@pytest.mark.parametrize(
    "text",
    ["no " * 660, "effusion, " * 200, "-" * 2000, "İ" * 2000, "?x " * 600, "not only " * 220, "xyzzyx " * 285,
     "heart and " * 200, "left or " * 250, "a" * 2000, "(" * 2000, "effusion absent " * 125, "ﬁ" * 2000],
    ids=lambda text: text[:10],
)  # fmt: skip
def test_hostile_repetition_takes_bounded_time(text: str):
    began = time.process_time()
    assert_sound(parse(text))
    assert time.process_time() - began < 1.0


def test_the_room_is_light_to_import():
    code = (
        "import sys, medneg.query; print(*(name in sys.modules for name in ('numpy', 'rapidfuzz', 'torch')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["False", "False", "False"]


@pytest.mark.skipif(not SHARED.exists(), reason="the developers' queries are not here")
def test_wanted_and_unwanted_findings_of_the_developers_queries():
    rows = [json.loads(line) for line in SHARED.read_text("utf-8").splitlines()]
    right = sum(_agrees(row) for row in rows)
    assert right / len(rows) >= 0.95


def _agrees(row: dict[str, list[dict[str, str]]]) -> bool:
    query = parse(str(row["query"]))
    counts = [len(query.affirmed), len(query.uncertain)]
    strengths = sorted(str(mention.strength) for mention in query.negated)
    return counts == [len(row["affirmed"]), len(row["uncertain"])] and strengths == sorted(
        unwanted["strength"] for unwanted in row["negated"]
    )


def test_ten_thousand_random_strings_can_be_read():
    source = random.Random(7)
    alphabet = "".join(
        chr(code) for code in (*range(32, 127), 0xA0, 0xDF, 0x2013, 0x2019, 0x201C, 0x1F4A9, 0x0)
    )
    for _ in range(10_000):
        if source.random() < 0.5:
            text = "".join(source.choices(alphabet, k=source.randrange(1, 60)))
        else:
            text = source.choice(["", " ", "-", "("]).join(source.choices(WORDS, k=source.randrange(1, 9)))
        if text.strip():
            assert_sound(parse(text))
