"""The benchmark on embeddings whose answers are known by construction."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from medneg.errors import ArchiveError, CalibrationMissing, UnknownName
from medneg.evaluation.asking import Setup
from medneg.evaluation.benchmark import evaluate, evaluate_gallery
from medneg.evaluation.gallery import Gallery
from medneg.evaluation.truth import Truth
from tests.evaluation.perfect import FINDINGS, Perfect, gallery


@pytest.fixture(scope="module")
def report():
    images, labels = gallery(500)
    setup = Setup(methods=("cosine", "affirmed-only", "subtract", "log-odds"), seed=3)
    return evaluate_gallery(images, Truth.from_labels(labels, FINDINGS), Perfect(), setup=setup)


def figure(report, method, pool, measure, kind="exclusion", space="raw"):
    return report.row(method, space, kind, "structured", pool).figures[measure]


def test_a_perfect_encoder_finds_everything(report):
    assert report.mean_auc.value > 0.99
    assert report.mean_auc.n == 4
    assert [line.concept for line in report.zero_shot][-1] == "calcification"
    assert figure(report, "cosine", "gallery", "precision@10", "affirmed").value == 1.0


def test_the_sentence_no_x_finds_x(report):
    assert figure(report, "cosine", "pool", "precision@10", "negated").value < 0.05
    assert figure(report, "subtract", "pool", "precision@10", "negated").value > 0.95


def test_subtraction_excludes_and_cosine_does_not(report):
    assert figure(report, "subtract", "pool", "precision@10").value > 0.95
    assert figure(report, "subtract", "pool", "violation@10").value < 0.02
    assert figure(report, "cosine", "pool", "violation@10").value > 0.9
    assert figure(report, "cosine", "pool", "rank").value > figure(report, "subtract", "pool", "rank").value


def test_curves_come_from_other_patients(report):
    assert figure(report, "log-odds", "pool", "precision@10").value > 0.95
    assert report.about.curves.startswith("the other patients of this gallery")


def test_a_question_that_a_method_knows_too_little_for_is_left_out(monkeypatch):
    score = Gallery.score

    def unknowing(gallery, query, way):
        if way.space == "centred" and query.affirmed and query.affirmed[0].finding == "pneumothorax":
            raise CalibrationMissing("the method needs more", "perfect")
        return score(gallery, query, way)

    monkeypatch.setattr(Gallery, "score", unknowing)
    images, labels = gallery(300)
    setup = Setup(methods=("subtract",))
    report = evaluate_gallery(images, Truth.from_labels(labels, FINDINGS), Perfect(), setup=setup)
    assert figure(report, "subtract", "gallery", "precision@10").n == 12
    assert figure(report, "subtract", "gallery", "precision@10", space="centred").n == 9


def test_both_bootstraps_hold_their_figure(report):
    for row in report.exclusion:
        for name, by_patient in row.by_patient.items():
            by_query = row.figures[name]
            assert (by_patient.value, by_patient.n) == (
                pytest.approx(by_query.value, nan_ok=True),
                by_query.n,
            )
            if by_query.n:
                assert by_patient.low <= by_patient.value <= by_patient.high
                assert by_query.low <= by_query.value <= by_query.high


def test_the_default_is_compared_on_the_same_pairs(report):
    default = report.about.default
    others = {(c.method, c.space): c for c in report.comparisons if c.pool == "pool"}
    assert default not in others
    plain = others["cosine", "raw"].difference
    assert plain.figure.value > 0.5
    assert plain.p <= plain.p_holm < 0.01
    assert plain.figure.n == 12


def test_superscripts_name_the_baselines_that_are_beaten():
    images, labels = gallery()
    setup = Setup(methods=("cosine", "subtract"))
    report = evaluate_gallery(images, Truth.from_labels(labels, FINDINGS), Perfect(), setup=setup)
    table = next(table for table in report.superscripts if table.pool == "pool")
    rows = {
        (method, space): dict(zip(table.columns, cells, strict=True))
        for method, space, cells, _ in table.rows
    }
    assert table.baselines[0] == ("cosine", "raw")
    assert 0 in rows["subtract", "raw"]["precision@10"].beats
    assert rows["cosine", "raw"]["precision@10"].beats == ()


def test_what_excludes_nothing_is_plain_cosine_bit_for_bit(report):
    assert report.controls.asked == report.controls.identical > 0


def test_every_pair_has_its_cell(report):
    pairs = {(p.wanted, p.unwanted) for p in report.pairs}
    assert len(pairs) == 12
    assert len(report.pairs) == 12 * len({(p.method, p.space) for p in report.pairs})


def test_the_named_query_has_its_row(report):
    row = next(e for e in report.examples if e.method == "subtract" and e.space == "raw")
    assert row.query == "effusion but no calcification"
    assert row.precision == 1.0
    assert row.violation == 0.0


def test_the_same_seed_gives_the_same_report():
    images, labels = gallery(200)
    truth = Truth.from_labels(labels, FINDINGS)
    setup = Setup(methods=("cosine",), seed=9)
    again = [json.dumps(evaluate_gallery(images, truth, Perfect(), setup=setup).to_json()) for _ in range(2)]
    assert again[0] == again[1]


def test_gold_readings_leave_out_the_parsers_errors(monkeypatch):
    images, labels = gallery(300)
    truth = Truth.from_labels(labels, FINDINGS)
    monkeypatch.setattr("medneg.evaluation.wordings.parse", lambda words: pytest.fail("the parser was asked"))
    report = evaluate_gallery(images, truth, Perfect(), setup=Setup(methods=("subtract",), parse="gold"))
    assert report.about.parse == "gold"
    assert report.reading.asked == report.reading.understood


def test_what_is_not_defined_is_null_in_json(report):
    nowhere = replace(report.mean_auc, value=float("nan"), n=0)
    written = json.dumps(replace(report, mean_auc=nowhere).to_json(), allow_nan=False)
    assert json.loads(written)["mean_auc"]["value"] is None


def test_a_report_becomes_json(report):
    written = json.loads(json.dumps(report.to_json()))
    assert written["schema_version"] == 1
    assert written["about"]["pictures"] == 500


def test_an_unknown_method_is_refused():
    images, labels = gallery(300)
    with pytest.raises(UnknownName, match="unknown method 'magic'"):
        evaluate_gallery(
            images, Truth.from_labels(labels, FINDINGS), Perfect(), setup=Setup(methods=("magic",))
        )


def test_shapes_that_disagree_are_refused():
    images, labels = gallery()
    with pytest.raises(ValueError, match=r"labels \(n, 4\); got \(600, 5\) and \(600, 3\)"):
        evaluate(images, labels[:, :3], FINDINGS, Perfect())


def test_a_gallery_that_can_answer_nothing_is_refused():
    images, labels = gallery(12)
    with pytest.raises(ArchiveError, match="at least 10 labelled pictures must show one finding and not"):
        evaluate(images, np.zeros_like(labels), FINDINGS, Perfect())


def test_figures_print_with_their_interval(report):
    assert str(replace(report.mean_auc, value=0.5, low=0.4, high=0.6)) == "0.500 [0.400, 0.600]"
