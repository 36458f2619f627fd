"""Hundreds of ways to say no, perhaps, once and yes (cue_table.jsonl), alone and beside another finding."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from medneg.query import parse

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("cue_table.jsonl").read_text(encoding="utf-8").splitlines()
]
MEANINGS = {
    "strong": ("negated", "strong"),
    "moderate": ("negated", "moderate"),
    "weak": ("negated", "weak"),
    "open": ("uncertain", None),
    "wanted": ("affirmed", None),
}
FRAMES = [
    "cardiomegaly, {}",
    "cardiomegaly. {}",
    "cardiomegaly but {}",
    "{}; cardiomegaly",
    "{} but cardiomegaly",
]
BOTH = {"and_before_cue"}


def reading(query: str) -> set[tuple[str, str | None, str]]:
    return {(mention.polarity, mention.strength, mention.text) for mention in parse(query).mentions}


def test_the_table_is_broad():
    assert len(ROWS) >= 500
    assert {row["means"] for row in ROWS} == set(MEANINGS)


@pytest.mark.parametrize("finding", ["pneumothorax", "chest tube"])
@pytest.mark.parametrize("means", MEANINGS)
def test_every_phrase_means_what_the_table_says(means: str, finding: str):
    rows = [row["phrase"].replace("X", finding) for row in ROWS if row["means"] == means]
    wrong = [query for query in rows if reading(query) != {(*MEANINGS[means], finding)}]
    assert wrong == []


@pytest.mark.parametrize("frame", FRAMES)
def test_another_finding_beside_it_changes_nothing(frame: str):
    wrong = []
    for row in ROWS:
        query = frame.format(row["phrase"].replace("X", "pneumothorax"))
        expected = {(*MEANINGS[row["means"]], "pneumothorax"), ("affirmed", None, "cardiomegaly")}
        if reading(query) != expected:
            wrong.append(query)
    assert len(wrong) <= 0.01 * len(ROWS), wrong


def test_a_cue_behind_and_either_says_how_many_it_means_or_asks_for_review():
    behind = [row for row in ROWS if row["phrase"].startswith("X ") and row["means"] != "wanted"]
    for row in behind:
        query = parse("cardiomegaly and " + row["phrase"].replace("X", "pneumothorax"))
        verb = row["phrase"].split()[1]
        if verb in {"is", "was", "has", "seems", "appears"}:
            assert [mention.text for mention in query.affirmed] == ["cardiomegaly"], query.raw
        elif verb not in {"are", "have", "were"} and not query.affirmed:
            assert query.needs_review, query.raw


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        str.title,
        lambda query: f"please show me films with edema. {query}",
        lambda query: f"{query}.",
        lambda query: f"  {query.replace(' ', '   ')} ",
        lambda query: f"{query}, please",
        lambda query: f"{query} thanks!",
    ],
    ids=["upper", "title", "sentence before", "full stop", "blanks", "please", "thanks"],
)
def test_dress_does_not_change_the_meaning(change):
    wrong = []
    for row in ROWS:
        query = change(row["phrase"].replace("X", "pneumothorax"))
        found = {each for each in reading(query) if each[2] == "pneumothorax"}
        if found != {(*MEANINGS[row["means"]], "pneumothorax")}:
            wrong.append(query)
    assert len(wrong) <= 0.02 * len(ROWS), wrong


def test_a_slip_of_the_finger_in_the_finding_does_not_change_the_meaning():
    source = random.Random(20)
    wrong = []
    for row in ROWS:
        query = row["phrase"].replace("X", _slipped("consolidation", source))
        found = {each[:2] for each in reading(query) if each[2] == "consolidation"}
        if found != {MEANINGS[row["means"]]}:
            wrong.append(query)
    assert len(wrong) <= 0.02 * len(ROWS), wrong


def _slipped(word: str, source: random.Random) -> str:
    place = source.randrange(1, len(word) - 1)
    kind = source.choice(["drop", "double", "swap", "change"])
    if kind == "drop":
        return word[:place] + word[place + 1 :]
    if kind == "double":
        return word[:place] + word[place] + word[place:]
    if kind == "swap":
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + source.choice("aeiourst") + word[place + 1 :]
