"""Corrupted questions: they go wrong as they are said to, and still ask the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from rapidfuzz.distance import OSA

from medneg.errors import UnknownName
from medneg.evaluation.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    SHORTEST,
    confusions,
    corrupt,
    near_keys,
)
from medneg.evaluation.marking import mark
from medneg.evaluation.wordings import Asked, carriers, fill
from medneg.phantom.truth import FINDINGS
from medneg.query import lexicon
from medneg.query.repair import is_known

LETTERS = ("neighbouring-key", "dropped-letter", "doubled-letter", "swapped-letters")
LONG = "I am looking for patients with pulmonary edema in whom aortic calcification is absent"


def questions():
    """Every carrier of every kind, about findings that take turns."""
    for kind, wordings in carriers().items():
        normal = "clear_lungs" if kind == "normality" else None
        for place, carrier in enumerate(c for some in wordings.values() for c in some):
            a, a2, b, b2, c = (FINDINGS[(place * 5 + step) % len(FINDINGS)] for step in range(5))
            yield fill(carrier, Asked(wanted=(a, a2), unwanted=(b, b2), open=(c,), normal=normal))


QUESTIONS = tuple(questions())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_corrupts_alike_and_another_one_otherwise(name):
    for severity in SEVERITIES:
        assert corrupt(LONG, name, severity) == corrupt(LONG, name, severity)
    if name not in ("casing", "abbreviated"):
        assert len({corrupt(LONG, name, 3, seed=seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_something_goes_wrong_in_a_long_question(name):
    assert corrupt(LONG, name, 5) != LONG


@pytest.mark.parametrize("name", ["neighbouring-key", "dropped-letter", "misheard", "abbreviated"])
def test_a_higher_severity_hits_the_same_words_and_more(name):
    hit = []
    for severity in SEVERITIES:
        kept = corrupt(LONG, name, severity).split()
        hit.append({word for word in LONG.split() if word not in kept})
    assert all(lower <= higher for lower, higher in pairwise(hit))
    assert len(hit[0]) < len(hit[-1])


@pytest.mark.parametrize("name", LETTERS)
def test_a_typo_is_one_edit_or_two_and_never_another_word(name):
    for words in QUESTIONS:
        for severity in SEVERITIES:
            after = corrupt(words, name, severity).split()
            for old, new in zip(words.split(), after, strict=True):
                if old != new:
                    core = new.strip(",;").lower()
                    assert OSA.distance(old, new) <= (1 if severity < 4 or len(old) < 7 else 2)
                    assert not is_known(core)
                    assert sum(map(str.isalpha, old)) >= SHORTEST


@pytest.mark.parametrize("name", ["dropped-words", "swapped-words"])
def test_words_that_decide_the_answer_stay_where_they_are(name):
    for words in QUESTIONS:
        marked = mark(words)
        joints = [marked.word(n) for n in range(len(marked.words)) if marked.is_joint(n)]
        for severity in SEVERITIES:
            after = iter(word.strip(",;") for word in corrupt(words, name, severity).split())
            assert all(joint in after for joint in joints), words


def test_nothing_moves_past_a_word_that_decides():
    for words in QUESTIONS:
        marked = mark(words)
        between, run = [], []
        for number in range(len(marked.words)):
            if marked.is_joint(number):
                between.append(run)
                run = []
            else:
                run.append(marked.word(number))
        for severity in SEVERITIES:
            after = mark(corrupt(words, "swapped-words", severity))
            found = [after.word(number) for number in range(len(after.words))]
            place = 0
            for run in between:
                assert sorted(found[place : place + len(run)]) == sorted(run)
                place += len(run) + 1


def test_what_is_dropped_of_a_finding_is_not_needed_to_name_it():
    assert corrupt("pleural effusion, rib fracture absent", "dropped-words", 5) == (
        "effusion, rib fracture absent"
    )
    assert corrupt("aortic calcification", "dropped-words", 5) == "aortic calcification"


def test_every_phantom_finding_can_be_misheard_and_abbreviated():
    for finding in FINDINGS:
        prompt = lexicon().finding(finding).prompt
        for name in ("misheard", "abbreviated"):
            assert corrupt(prompt, name, 5) != prompt or (finding, name) == ("lung_mass", "abbreviated")


def test_what_stands_for_a_finding_names_no_other():
    for finding in lexicon().findings:
        for name in ("misheard", "abbreviated"):
            for seed in range(3):
                after = corrupt(finding.prompt, name, 5, seed=seed)
                if after != finding.prompt:
                    assert lexicon().resolve(after) in (None, finding.id), (finding.prompt, after)


def test_no_table_touches_a_negation():
    for table in confusions().values():
        kept = {"without": ["w/o"]}
        for word in ("no", "not", "none", "without", "absent", "neither", "nor", "free", "lack"):
            assert table.get(word, kept.get(word)) == kept.get(word)
        assert "no" not in {choice for choices in table.values() for choice in choices}


def test_casing_changes_nothing_else():
    for severity in SEVERITIES:
        assert corrupt(LONG, "casing", severity).lower() == LONG.lower()
    assert corrupt(LONG, "casing", 4) == LONG.upper()


def test_keys_are_beside_each_other_both_ways():
    near = near_keys()
    assert len(near) == 26
    assert all(key in near[other] for key, others in near.items() for other in others)


def test_what_there_is_not_is_refused():
    with pytest.raises(UnknownName, match="unknown corruption 'ocr'"):
        corrupt("effusion", "ocr", 1)
    with pytest.raises(ValueError, match="a severity is 1, 2, 3, 4 or 5; got 0"):
        corrupt("effusion", "casing", 0)
