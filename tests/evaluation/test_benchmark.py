"""The benchmark on embeddings whose answers are known by construction."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from medneg.evaluation.benchmark import evaluate
from medneg.evaluation.pools import balanced_pool, hard_pool
from medneg.evaluation.questions import ask, concept_labels, pair_questions
from medneg.query import lexicon
from medneg.values import EncoderCard, InputSpec

FINDINGS = ("pleural_effusion", "pneumothorax", "calcified_granuloma", "aortic_calcification")


class Perfect:
    """Each finding is one axis; a text is the sum of the axes of the findings that it names, "no" unheard."""

    def __init__(self) -> None:
        self.card = EncoderCard(
            name="perfect",
            width=len(FINDINGS) + 1,
            input=InputSpec(size=8),
            image_fingerprint="perfect-image",
            text_fingerprint="perfect-text",
            licence="Apache-2.0",
            notice="For tests.",
            findings=FINDINGS,
        )

    def encode_texts(self, texts):
        rows = np.zeros((len(texts), self.card.width), np.float32)
        rows[:, -1] = 0.1
        for row, text in zip(rows, texts, strict=True):
            for column, finding in enumerate(FINDINGS):
                known = lexicon().finding(finding)
                row[column] = any(word in text for word in (known.prompt, *known.synonyms))
            if "calcification" in text and not row[2:4].any():
                row[2:4] = 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def gallery():
    rng = np.random.default_rng(5)
    labels = rng.random((600, len(FINDINGS))) < 0.35
    images = np.hstack([labels, np.full((600, 1), 0.5)]).astype(np.float32)
    images += rng.normal(0, 0.05, images.shape).astype(np.float32)
    return images / np.linalg.norm(images, axis=1, keepdims=True), labels


@pytest.fixture(scope="module")
def report(gallery):
    return evaluate(*gallery, FINDINGS, Perfect(), seed=3)


def exclusion(report, method, space, pool):
    return next(r for r in report.exclusion if (r.method, r.space, r.pool) == (method, space, pool))


def test_a_perfect_encoder_finds_everything(report):
    assert report.mean_auc.value > 0.99
    assert report.mean_auc.n == 4
    assert [line.concept for line in report.zero_shot][-1] == "calcification"


def test_the_sentence_no_x_finds_x(report):
    assert report.negated.value < 0.05


def test_subtraction_excludes_and_cosine_does_not(report):
    ours = exclusion(report, "subtract", "raw", "hard")
    plain = exclusion(report, "cosine", "raw", "hard")
    assert ours.precision.value > 0.95
    assert ours.violation.value < 0.02
    assert plain.violation.value > 0.9


def test_the_default_is_compared_on_the_same_queries(report):
    plain = next(c for c in report.comparisons if (c.method, c.space) == ("cosine", "raw"))
    assert plain.difference.figure.value > 0.5
    assert plain.difference.p < 0.01
    assert plain.difference.figure.n == 12


def test_the_named_query_has_its_row(report):
    row = next(e for e in report.examples if e.method == "subtract" and e.space == "raw")
    assert row.query == "effusion but no calcification"
    assert row.precision == 1.0
    assert row.violation == 0.0


def test_the_same_seed_gives_the_same_report(gallery):
    again = [evaluate(*gallery, FINDINGS, Perfect(), methods=["cosine"], seed=9) for _ in range(2)]
    assert again[0] == again[1]


def test_what_is_not_defined_is_null_in_json(report):
    nowhere = replace(report.mean_auc, value=float("nan"), n=0)
    written = json.dumps(replace(report, mean_auc=nowhere).to_json(), allow_nan=False)
    assert json.loads(written)["mean_auc"]["value"] is None


def test_a_report_becomes_json(report):
    assert json.loads(json.dumps(report.to_json()))["pictures"] == 600


def test_a_parent_is_shown_by_any_child(gallery):
    _, labels = gallery
    question = ask("effusion but no calcification", labels, FINDINGS)
    assert (question.excluded == labels[:, 2] | labels[:, 3]).all()
    assert (question.wanted == labels[:, 0]).all()
    assert (concept_labels("calcification", labels, FINDINGS) == question.excluded).all()


def test_kin_are_not_asked_against_each_other():
    findings = ("calcification", "aortic_calcification", "pneumothorax")
    asked = {q.query.raw for q in pair_questions(np.zeros((2, 3), bool), findings)}
    assert "calcification but no aortic calcification" not in asked
    assert len(asked) == 4


def test_labels_that_say_nothing_of_a_finding_are_refused():
    with pytest.raises(ValueError, match="the labels say nothing of 'scoliosis'"):
        ask("scoliosis", np.zeros((2, 4), bool), FINDINGS)


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
    assert balanced_pool(np.zeros(5, bool), np.random.default_rng(0)) is None


def test_shapes_that_disagree_are_refused(gallery):
    images, labels = gallery
    with pytest.raises(ValueError, match=r"labels \(n, 4\); got \(600, 5\) and \(600, 3\)"):
        evaluate(images, labels[:, :3], FINDINGS, Perfect())


def test_figures_print_with_their_interval(report):
    assert str(replace(report.mean_auc, value=0.5, low=0.4, high=0.6)) == "0.500 [0.400, 0.600]"
