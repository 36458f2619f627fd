"""What a mention stands for: itself and the findings that are a kind of it."""

import numpy as np
import pytest

from medneg.values import Repulsion
from tests.scoring.table_tower import TableTower, families, images, kinds, plan_of, query, scores, unit


def test_an_excluded_parent_excludes_each_of_its_kinds():
    tower = TableTower()
    plan = plan_of(query(), "subtract", tower, expand=kinds("granuloma"))
    assert [term.label for term in plan.terms] == ["effusion", "not calcification", "not granuloma"]
    overlap = tower["calcification"] @ tower["granuloma"]
    for term in plan.terms[1:]:
        assert term.mention == query().negated[0]
        assert term.response.weight == pytest.approx(1 / (1 + max(overlap, 0)), rel=1e-6)


def test_kinds_that_say_the_same_count_once_and_unrelated_ones_fully():
    tower = TableTower()
    film = tower.card.template.format
    tower.table[film("calcification")] = np.eye(8, dtype=np.float32)[0]
    for other, weight in ((np.eye(8, dtype=np.float32)[0], 0.5), (np.eye(8, dtype=np.float32)[1], 1.0)):
        tower.table[film("granuloma")] = other
        tower.card = TableTower().card
        plan = plan_of(query(), "subtract", tower, expand=kinds("granuloma"))
        assert [term.response for term in plan.terms[1:]] == [Repulsion(weight=weight)] * 2


def test_a_wanted_parent_is_met_by_any_of_its_kinds():
    tower = TableTower()
    got = scores(query(), "affirmed-only", tower, expand=families(effusion=["edema"]))
    np.testing.assert_allclose(got, images() @ unit(tower["effusion"] + tower["edema"]), atol=1e-6)


def test_a_kind_that_is_wanted_itself_is_not_excluded_with_its_parent():
    family = families(calcification=["granuloma", "edema"], granuloma=["edema"])
    plan = plan_of(query(("granuloma",)), "subtract", TableTower(), expand=family)
    assert [term.label for term in plan.terms] == ["granuloma", "not calcification"]


def test_a_kind_that_is_excluded_itself_is_not_wanted_with_its_parent():
    tower = TableTower()
    family = families(effusion=["calcification", "edema"])
    plan = plan_of(query(), "subtract", tower, expand=family)
    assert [term.label for term in plan.terms] == ["effusion", "not calcification"]
    np.testing.assert_allclose(plan.terms[0].direction, unit(tower["effusion"] + tower["edema"]), atol=1e-6)


def test_what_is_a_kind_of_both_is_excluded():
    tower = TableTower()
    family = families(effusion=["granuloma"], calcification=["granuloma"])
    plan = plan_of(query(), "subtract", tower, expand=family)
    assert [term.label for term in plan.terms] == ["effusion", "not calcification", "not granuloma"]
    np.testing.assert_allclose(plan.terms[0].direction, tower["effusion"], atol=1e-6)
