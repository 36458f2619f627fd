"""Several text towers over the same images: one table, the same questions, tests between them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from medneg.compiling import make_plan
from medneg.evaluation.asking import Setup, open_gallery
from medneg.evaluation.benchmark import evaluate_gallery
from medneg.evaluation.con2 import con2
from medneg.evaluation.gallery import BASE, TUNED_WAYS, Way, ways_of
from medneg.evaluation.page import write_page
from medneg.evaluation.truth import Truth
from medneg.query import parse
from medneg.scoring import METHODS
from medneg.scoring.plan import score
from tests.evaluation.perfect import FINDINGS, Hearing, Perfect, gallery
from tests.toy_head import toy_head

IMAGES, LABELS = gallery(400)
TRUTH = Truth.from_labels(LABELS, FINDINGS, np.arange(400) // 2)
METHODS_HERE = ("cosine", "subtract")


def asked(**beside):
    setup = Setup(methods=METHODS_HERE, beside=beside)
    return evaluate_gallery(IMAGES, TRUTH, Perfect(), setup=setup)


@pytest.fixture(scope="module")
def report():
    return asked(hearing=Hearing())


def test_a_model_beside_it_changes_no_figure_of_the_base(report):
    alone = asked()
    assert [row for row in report.exclusion if row.model == BASE] == list(alone.exclusion)
    assert report.zero_shot == alone.zero_shot
    assert alone.gains == ()


def test_whoever_hears_no_is_better_by_cosine(report):
    rows = {
        model: report.row("cosine", "raw", "exclusion", "structured", "pool", model)
        for model in (BASE, "hearing")
    }
    assert rows[BASE].figures["violation@10"].value > 0.9
    assert rows["hearing"].figures["precision@10"].value > 0.9
    gain = next(
        one
        for one in report.gains
        if (one.method, one.space, one.kind, one.wording, one.pool)
        == ("cosine", "raw", "exclusion", "structured", "pool")
    )
    difference = rows["hearing"].figures["precision@10"].value - rows[BASE].figures["precision@10"].value
    assert gain.difference.figure.value == pytest.approx(difference)
    assert gain.difference.p <= gain.difference.p_holm < 0.01


def test_without_negation_a_model_is_compared_once_and_is_its_own_plain_cosine(report):
    affirmed = [one for one in report.gains if one.kind == "affirmed"]
    assert [(one.method, one.space, one.wording) for one in affirmed] == [
        ("cosine", "raw", "structured"),
        ("cosine", "raw", "natural"),
    ]
    assert all(one.difference.figure.value == 0 for one in affirmed)
    assert report.controls.asked == report.controls.identical > 0


def test_the_default_is_compared_with_every_models_ways(report):
    compared = {(one.method, one.space, one.model) for one in report.comparisons}
    ways = {(method, space) for method in METHODS_HERE for space in ("raw", "centred")}
    assert compared == {(*way, model) for way in ways for model in (BASE, "hearing")} - {
        (*report.about.default, BASE)
    }


def test_unless_methods_are_named_models_beside_it_get_two_ways():
    assert [way[:2] for way in ways_of("hearing", None, head=False)] == list(TUNED_WAYS)
    assert len(ways_of(BASE, None, head=False)) == 2 * sum(not one.needs_head for one in METHODS.values())
    assert len(ways_of("hearing", ("drc",), head=False)) == 2


def test_methods_that_need_a_head_are_asked_of_heads_alone_and_in_their_codes():
    needy = [name for name, method in METHODS.items() if method.needs_head]
    assert ways_of("head", None, head=True) == tuple((name, "raw", "head") for name in needy)
    assert ways_of("head", ("cosine",), head=True) == ()
    assert ways_of("hearing", needy, head=False) == ()


def test_a_head_ranks_by_its_codes():
    head = toy_head(Perfect().card)
    setup = Setup(methods=("cosine", "exclmm-suppress"), heads={"toy": head})
    found = open_gallery(IMAGES, TRUTH, Perfect(), setup=setup)
    query = parse("pneumothorax but no effusion")
    plan = make_plan(query, Perfect(), None, method="exclmm-suppress", space="raw", head=head)
    scores = found.score(query, Way("exclmm-suppress", "raw", "toy"))
    assert np.array_equal(scores, score(plan, head.encode_images(IMAGES)))
    plain = found.score(parse("pneumothorax"), Way("exclmm-suppress", "raw", "toy"))
    assert np.array_equal(plain, found.score(parse("pneumothorax"), Way("cosine", "raw")))
    told = evaluate_gallery(IMAGES, TRUTH, Perfect(), setup=setup)
    assert {row.method for row in told.exclusion if row.model == "toy"} == {"exclmm-suppress"}
    assert {row.method for row in told.exclusion if row.model == BASE} == {"cosine"}
    assert [one.encoder for one in told.about.models] == ["perfect", "perfect+toy"]
    assert told.controls.asked == told.controls.identical


def test_every_model_tells_its_licence_and_what_it_knows(report):
    assert [(one.model, one.encoder) for one in report.about.models] == [
        (BASE, "perfect"),
        ("hearing", "perfect+hearing"),
    ]
    assert [one.model for one in report.known] == [BASE, "hearing"]
    assert report.known[0].mean_auc == report.mean_auc


def test_models_stand_in_json_and_on_the_page(report):
    written = json.loads(json.dumps(report.to_json()))
    assert {row["model"] for row in written["exclusion"]} == {BASE, "hearing"}
    page = write_page(report, command="medneg evaluate", made="2026-01-31")
    for words in ("subtract, raw (hearing)", "What tuning gains and costs", "beside it hearing"):
        assert words in page
    assert page.count('<tr class="default"><td>subtract, raw</td>') == 5
    assert '<tr class="default"><td>subtract, raw (hearing)' not in page


def test_the_con2_protocol_asks_every_model_and_needs_no_image_tower():
    setup = Setup(methods=("cosine",), beside={"hearing": Hearing()})
    found = con2(IMAGES, TRUTH, Perfect(), setup=setup)
    rows = {(row.model, row.group): row.all.value for row in found.rows if row.space == "raw"}
    assert rows[BASE, "structured negative"] < 0.05
    assert rows["hearing", "structured negative"] > rows[BASE, "structured negative"] + 0.2
    assert "cosine, raw (hearing)" in write_page(found, command="x", made="y")
    assert not hasattr(Perfect(), "encode_images")
