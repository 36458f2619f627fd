"""Searches of Qdrant, through the client's local mode."""

import numpy as np
import pytest

from medneg.archive.filters import Where
from medneg.archive.indexes.candidates import Near
from medneg.archive.indexes.probing import aim, sample
from medneg.archive.indexes.qdrant import QDRANT
from medneg.archive.indexes.qdrant.asking import has_formula, nearest_in, rescored_in, rescoring
from medneg.archive.indexes.qdrant.collection import Collection
from medneg.scoring.plan import score
from medneg.values import Linear, Repulsion
from tests.archive.new_images import SPACE
from tests.archive.new_plans import MEAN, RESPONSES, plan_of
from tests.archive.qdrant.filled import COUNT, build

pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")


@pytest.mark.parametrize("mean", [None, MEAN], ids=["raw", "centred"])
@pytest.mark.parametrize("responses", RESPONSES.values(), ids=RESPONSES)
def test_the_best_are_those_of_the_scan_bit_for_bit(archive, source, responses, mean):
    build(source)
    plan = plan_of(*responses, mean=mean)
    for where in (Where(), Where(views=("AP",))):
        expected = archive.indexes(SPACE).open("scan").search(plan, 10, where=where)
        found = QDRANT.open(source).search(plan, 10, where=where)
        np.testing.assert_array_equal(found.ranking.ids, expected.ranking.ids)
        np.testing.assert_array_equal(found.ranking.scores, expected.ranking.scores)
        assert found.considered == expected.considered
        assert found.ranking.exact is (found.ranking.rescored == found.considered)
        assert found.ranking.exact or found.how.startswith("Qdrant, ")


@pytest.mark.parametrize("seed", range(6))
def test_the_formula_gives_the_plans_score_of_every_candidate(archive, source, seed):
    build(source)
    draw = np.random.default_rng(seed)
    penalties = [
        Repulsion(weight=draw.uniform(0, 2), bias=draw.uniform(-0.4, 0.4)) for _ in range(1 + seed % 4)
    ]
    plan = plan_of(*penalties[:1], Linear(weight=draw.uniform(0.2, 2)), *penalties[1:])
    probe = aim(plan, sample(source, COUNT), k=10, count=COUNT)
    collection = Collection(source)
    rescored, beyond = collection.ask(rescoring(collection, probe, 50))
    ids = archive.matrix(SPACE).ids
    truth = archive.vectors(SPACE, ids.tolist())
    products = truth @ probe.vector
    candidates = np.argsort(-products)[:200]
    scores = score(plan, truth)
    expected = candidates[np.argsort(-scores[candidates])][:50]
    assert [point.id for point in rescored] == ids[expected].tolist()
    np.testing.assert_allclose([point.score for point in rescored], scores[expected], atol=2e-5)
    assert beyond[0].score == pytest.approx(products[candidates[-1]], abs=1e-5)


def test_the_server_rescores_what_the_first_question_did_not_settle(source, monkeypatch):
    build(source)
    asked = []
    monkeypatch.setattr(
        Collection,
        "ask",
        lambda self, requests, ask=Collection.ask: asked.append(requests) or ask(self, requests),
    )
    QDRANT.open(source).search(plan_of(Repulsion(weight=1.0, bias=2.0)), 5, where=Where())
    assert [len(requests) for requests in asked] == [1, 2]
    assert asked[1][0].limit == 256
    assert asked[1][0].prefetch[0].limit == 1024


def test_only_the_best_of_the_rescored_travel(source):
    build(source)
    probe = aim(plan_of(*RESPONSES["repulsion"]), sample(source, COUNT), k=10, count=COUNT)
    assert len(rescored_in(Collection(source))(probe, 30).ids) == 30


@pytest.mark.parametrize(
    ("responses", "mean", "formula"),
    [
        ((Linear(weight=1.0),), None, False),
        ((Linear(weight=1.0), Repulsion(weight=0.0)), None, False),
        ((Linear(weight=1.0), Repulsion(weight=1.0)), None, True),
        ((Linear(weight=1.0), Repulsion(weight=1.0)), MEAN, False),
        (RESPONSES["log-odds"], None, False),
    ],
)
def test_the_server_rescores_where_the_bound_is_not_the_score(source, responses, mean, formula):
    plan = plan_of(*responses, mean=mean)
    assert has_formula(aim(plan, sample(source, COUNT), k=10, count=COUNT)) is formula


@pytest.mark.parametrize("way", [nearest_in, rescored_in])
@pytest.mark.parametrize("responses", [RESPONSES["cosine"], RESPONSES["repulsion"]], ids=["plain", "bent"])
def test_no_image_that_did_not_travel_scores_above_the_ceiling(archive, source, responses, way):
    build(source)
    plan = plan_of(*responses)
    probe = aim(plan, sample(source, COUNT), k=10, count=COUNT)
    ids = archive.matrix(SPACE).ids
    scores = score(plan, archive.vectors(SPACE, ids.tolist()))
    for asked in (10, 40, COUNT):
        near = way(Collection(source))(probe, asked)
        left_out = ~np.isin(ids, near.ids)
        if left_out.any():
            assert scores[left_out].max() <= near.ceiling + 1e-3
        else:
            assert near.ceiling == -np.inf or asked == COUNT
        assert isinstance(near, Near)


def test_the_server_learns_ids_and_vectors_and_nothing_else(source):
    build(source)
    collection = Collection(source)
    points, _ = collection._client.scroll(collection.name, limit=COUNT, with_payload=True)
    assert all(not point.payload for point in points)
    assert SPACE not in collection.name
