"""Methods that measure an archive against slow twins, written from the definition for one image at a time."""

import math

import numpy as np
import pytest

from medneg.errors import CalibrationMissing
from medneg.scoring import NORMAL, Kind
from medneg.scoring.paired import TEMPLATES
from medneg.scoring.plan import score
from medneg.values import Query
from tests.scoring.table_tower import (
    FINDINGS,
    SPREADS,
    TableTower,
    excluded,
    images,
    kinds,
    measured,
    plan_of,
    query,
    scores,
    unit,
    wanted,
)


def slow_z(tower, text, rows):
    """Every image's score on a text, less their mean, over their deviation."""
    projections = [float(row @ tower[text]) for row in rows]
    mean = sum(projections) / len(projections)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in projections) / len(projections))
    return np.array([(value - mean) / deviation for value in projections])


@SPREADS
def test_z_score_weighs_deviations_of_the_archive(spread):
    tower, rows = TableTower(spread=spread), images().astype(float)
    got = scores(query(("effusion", "edema"), ("calcification", "granuloma")), "z-score", tower)
    z = {text: slow_z(tower, text, rows) for text in FINDINGS}
    want = np.minimum(z["effusion"], z["edema"])
    want = want - np.maximum(z["calcification"] + 0.5, 0) - np.maximum(z["granuloma"] + 0.5, 0)
    apart = got - want
    np.testing.assert_allclose(apart, np.full(len(rows), apart[0]), atol=2e-4)


def test_z_score_with_nothing_wanted_is_the_opposite_deviation():
    tower, rows = TableTower(), images().astype(float)
    got = scores(query(()), "z-score", tower)
    apart = got + slow_z(tower, "calcification", rows)
    np.testing.assert_allclose(apart, np.full(len(rows), apart[0]), atol=1e-4)


def test_z_score_ignores_how_crowded_the_texts_are():
    tower, rows = TableTower(spread=2.0), images()
    common = unit(np.random.default_rng(4).standard_normal(8))
    rows = rows - np.outer(rows @ common, common)  # no image has anything along it
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    crowded = TableTower(spread=2.0)
    crowded.table = {t: unit(v + 5 * common).astype(np.float32) for t, v in tower.table.items()}
    answers = [
        score(plan_of(query(), "z-score", each, calibration=measured(rows)), rows)
        for each in (tower, crowded)
    ]
    apart = answers[0] - answers[1]
    np.testing.assert_allclose(apart, np.full(len(rows), apart[0]), atol=1e-3)


def slow_pole(tower, *texts):
    """The mean over all sentences of some phrases, of unit length."""
    forms = (tower.card.template, *TEMPLATES)
    return unit(sum(tower.table[form.format(text)].astype(float) for text in texts for form in forms))


@SPREADS
def test_paired_compares_each_finding_with_a_normal_film(spread):
    tower = TableTower(spread=spread)
    got = scores(query(("effusion", "edema")), "paired", tower)
    normal = slow_pole(tower, NORMAL)
    a, b, n = (slow_pole(tower, text) - normal for text in ("effusion", "edema", "calcification"))
    want = [min(x @ a, x @ b) - max(x @ n, 0) for x in images().astype(float)]
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("farther", [True, False])
def test_paired_takes_a_findings_own_counterpart_where_it_lies_farther_than_a_normal_film(farther):
    tower = TableTower()
    for form in (tower.card.template, *TEMPLATES):
        twin = tower.table[form.format("effusion")]
        tower.table[form.format("dry pleura")] = -twin if farther else twin
    got = scores(
        query(),
        "paired",
        tower,
        expand=lambda m: (Kind(text=m.text, normal="dry pleura" if m.text == "effusion" else None),),
    )
    a = slow_pole(tower, "effusion") - slow_pole(tower, "dry pleura" if farther else NORMAL)
    n = slow_pole(tower, "calcification") - slow_pole(tower, NORMAL)
    want = [x @ a - max(x @ n, 0) for x in images().astype(float)]
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_paired_with_nothing_wanted_wants_the_normal():
    tower = TableTower()
    n = slow_pole(tower, "calcification") - slow_pole(tower, NORMAL)
    np.testing.assert_allclose(scores(query(()), "paired", tower), -(images() @ n), atol=1e-5)


def slow_probability(tower, text, image):
    curve = measured(images()).curves["raw"][text]
    return 1 / (1 + math.exp(-(curve.slope * float(image @ tower[text]) + curve.intercept)))


def test_log_odds_is_the_probability_of_all_at_once():
    tower = TableTower()
    got = scores(query(("effusion", "edema"), ("calcification", "granuloma")), "log-odds", tower)
    want = [
        slow_probability(tower, "effusion", x)
        * slow_probability(tower, "edema", x)
        * (1 - slow_probability(tower, "calcification", x))
        * (1 - slow_probability(tower, "granuloma", x))
        for x in images().astype(float)
    ]
    np.testing.assert_allclose(np.exp(got), want, atol=1e-6)


def test_log_odds_with_nothing_wanted_needs_no_anchor():
    tower = TableTower()
    got = scores(query(()), "log-odds", tower)
    want = [1 - slow_probability(tower, "calcification", x) for x in images().astype(float)]
    np.testing.assert_allclose(np.exp(got), want, atol=1e-6)


def test_log_odds_judges_an_excluded_parent_by_its_kinds():
    plan = plan_of(query(), "log-odds", TableTower(), expand=kinds("granuloma", "effusion and granuloma"))
    assert [term.label for term in plan.terms] == ["effusion", "not granuloma"]
    assert plan.terms[1].mention == query().negated[0]


def test_log_odds_judges_an_excluded_parent_as_a_whole_where_its_kinds_have_no_curves():
    tower = TableTower()
    plan = plan_of(query(), "log-odds", tower, expand=kinds("effusion and granuloma"))
    assert [term.label for term in plan.terms] == ["effusion", "not calcification"]
    whole = unit(tower["calcification"] + tower["effusion and granuloma"])
    np.testing.assert_allclose(plan.terms[1].direction, whole, atol=1e-6)


def test_log_odds_judges_a_statement_of_normality_by_what_it_denies():
    asked = Query(
        raw="edema, dry pleura",
        affirmed=(wanted("edema", span=(0, 5)), wanted("dry pleura", span=(7, 17))),
        negated=(excluded("effusion", span=(7, 17), reason="normality"),),
        counterfactuals=("edema and effusion",),
    )
    tower = TableTower()
    tower.table[tower.card.template.format("edema and effusion")] = tower["edema"].astype(np.float32)
    plan = plan_of(asked, "log-odds", tower)
    assert [term.label for term in plan.terms] == ["edema", "not effusion"]


@pytest.mark.parametrize("unknown", ["effusion", "calcification"])
def test_log_odds_needs_labels_of_every_finding(unknown):
    known = measured(images())
    del known.curves["raw"][unknown]
    with pytest.raises(
        CalibrationMissing, match=f"log-odds needs labelled images with and without “{unknown}”"
    ):
        plan_of(query(), "log-odds", TableTower(), calibration=known)


def test_a_text_whose_scores_do_not_vary_has_no_weight_in_z_scores():
    known = measured(images())
    known.covariance["raw"][:] = 0
    assert scores(query(), "z-score", TableTower(), None).any()
    still = score(plan_of(query(), "z-score", TableTower(), calibration=known), images())
    assert not still.any()
