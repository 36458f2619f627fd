"""Which questions a gallery can answer, and which pictures answer them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from medneg.evaluation.exclusionbench import exclusionbench
from medneg.evaluation.pools import balanced_pool, hard_pool
from medneg.evaluation.questions import RememberingTower, named
from medneg.evaluation.truth import Truth
from tests.evaluation.perfect import FINDINGS, Perfect, gallery


@pytest.fixture(scope="module")
def truth():
    return Truth.from_labels(gallery()[1], FINDINGS)


@pytest.fixture(scope="module")
def questions(truth):
    return exclusionbench(truth, how="real", rng=np.random.default_rng(0))


def test_every_kind_is_asked_in_both_wordings(questions):
    counts = Counter((question.kind, question.wording) for question in questions)
    assert counts["exclusion", "structured"] == counts["exclusion", "natural"] == 12
    assert counts["affirmed", "natural"] == counts["negated", "structured"] == 4
    assert counts["two-affirmed", "structured"] == 6
    assert counts["two-wanted", "structured"] == counts["two-excluded", "natural"] == 12
    assert counts["uncertain", "structured"] == 12


def test_every_sentence_is_read_as_it_is_meant(questions):
    assert all(question.understood for question in questions)


def test_the_truth_of_a_question_is_that_of_its_labels(questions, truth):
    labels = dict(zip(FINDINGS, gallery()[1].T, strict=True))
    for question in questions:
        if question.kind == "normality":
            continue
        wanted = np.all([labels[name] for name in question.asked.wanted] or [np.ones(600, bool)], axis=0)
        excluded = np.any([labels[name] for name in question.asked.unwanted] or [np.zeros(600, bool)], axis=0)
        assert (question.wanted == wanted).all()
        assert (question.excluded == excluded).all()
        assert len(question.rows) == 600


def test_what_is_left_open_is_neither_wanted_nor_excluded(questions):
    open_one = next(question for question in questions if question.kind == "uncertain")
    assert open_one.query.uncertain[0].finding == open_one.asked.open[0]
    assert open_one.asked.open[0] not in open_one.asked.findings


def test_an_exclusion_needs_a_picture_with_both_and_ten_answers():
    labels = np.zeros((60, 2), bool)
    labels[:20, 0] = labels[15:50, 1] = True  # 15 show A alone, 5 both
    both = Truth.from_labels(labels, ("pneumothorax", "cardiomegaly"))
    apart = Truth.from_labels(labels & ~labels.all(axis=1, keepdims=True), both.findings)
    few = Truth.from_labels(labels[12:], both.findings)
    asked = [
        [
            q.asked
            for q in exclusionbench(truth, how="gold", rng=np.random.default_rng(0))
            if q.kind == "exclusion"
        ]
        for truth in (both, apart, few)
    ]
    assert len(asked[0]) == 4
    assert asked[1] == []
    assert {one.wanted for one in asked[2]} == {("cardiomegaly",)}


def test_kin_are_not_asked_against_each_other():
    labels = np.random.default_rng(0).random((400, 3)) < 0.5
    labels[:, 0] |= labels[:, 1]
    truth = Truth.from_labels(labels, ("calcification", "aortic_calcification", "pneumothorax"))
    asked = exclusionbench(truth, how="gold", rng=np.random.default_rng(0))
    assert {q.asked.findings for q in asked if q.kind == "exclusion" and q.wording == "natural"} == {
        ("calcification", "pneumothorax"),
        ("pneumothorax", "calcification"),
        ("aortic_calcification", "pneumothorax"),
        ("pneumothorax", "aortic_calcification"),
    }


def test_pictures_of_which_too_little_is_known_are_not_ranked():
    rng = np.random.default_rng(0)
    states = [
        {"pneumothorax": "present" if rng.random() < 0.5 else "absent"}
        | ({"cardiomegaly": "present" if rng.random() < 0.5 else "absent"} if row % 2 else {})
        for row in range(400)
    ]
    truth = Truth.from_states(states, np.arange(400))
    asked = exclusionbench(truth, how="gold", rng=rng)
    pair = next(question for question in asked if question.kind == "exclusion")
    assert (pair.rows % 2 == 1).all()
    assert len(pair.rows) == 200
    assert np.isin(pair.pools, pair.rows).all()


def test_a_named_query_needs_labels_for_all_its_findings(truth):
    rng = np.random.default_rng(0)
    question = named("effusion but no calcification", truth, how="real", rng=rng)
    labels = gallery()[1]
    assert (question.excluded == labels[:, 2] | labels[:, 3]).all()
    assert (question.wanted == labels[:, 0]).all()
    assert named("scoliosis but no effusion", truth, how="real", rng=rng) is None


def test_a_hard_pool_has_as_many_of_each_cell():
    rng = np.random.default_rng(0)
    wanted, excluded = rng.random(400) < 0.3, rng.random(400) < 0.3
    rows = hard_pool(wanted, excluded, rng)
    cells = [(wanted[rows] == a) & (excluded[rows] == b) for a in (True, False) for b in (True, False)]
    assert [int(cell.sum()) for cell in cells] == [20] * 4
    assert len(set(rows.tolist())) == 80


def test_a_hard_pool_needs_enough_of_each_cell():
    assert hard_pool(np.ones(100, bool), np.zeros(100, bool), np.random.default_rng(0)) is None


def test_a_balanced_pool_has_half_of_each():
    present = np.arange(50) < 10
    rows = balanced_pool(present, np.random.default_rng(0))
    assert (len(rows), int(present[rows].sum())) == (20, 10)
    assert len(balanced_pool(present, np.random.default_rng(0), most=3)) == 6
    assert balanced_pool(np.zeros(5, bool), np.random.default_rng(0)) is None


def test_a_sentence_is_encoded_once():
    class Counting(Perfect):
        seen = 0

        def encode_texts(self, texts):
            self.seen += len(texts)
            return super().encode_texts(texts)

    tower = Counting()
    remembering = RememberingTower(tower)
    remembering.remember(["no effusion", "effusion"])
    assert np.array_equal(remembering.encode_texts(["effusion"]), Perfect().encode_texts(["effusion"]))
    assert tower.seen == 2
