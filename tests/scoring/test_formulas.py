"""Methods that turn or subtract directions against slow twins, written from the definition for one image."""

import math

import numpy as np
import pytest

from tests.scoring.table_tower import (
    SPREADS,
    STRENGTHS,
    TableTower,
    images,
    query,
    scores,
    unit,
)


def slow_spacevlm_direction(a, n, t):
    """The unit vector in the plane of a and n at angle α + θ/2 from n, on the side of a; a when θ ≥ 2α."""
    alpha, theta = math.acos(t), math.acos(a @ n)
    if theta >= 2 * alpha:
        return a
    delta = alpha + theta / 2
    return math.cos(delta) * n + math.sin(delta) * unit(a - (a @ n) * n)


def slow_printed_direction(a, b, t):
    alpha, theta = math.acos(t), math.acos(a @ b)
    plus = (
        math.sin(alpha + theta / 2) / math.sin(theta) * a + math.sin(alpha - theta / 2) / math.sin(theta) * b
    )
    return unit(plus)


def slow_drc(tower, direction, strength, image):
    t, base = STRENGTHS[strength]
    aff, neg, cf = tower["effusion"], tower["calcification"], tower["effusion and calcification"]
    full = tower.table["the sentence"].astype(np.float64)
    s1, s2 = image @ direction(aff, neg, t), image @ direction(aff, cf, t)
    return 0.35 * s1 + 0.35 * s2 + 0.30 * (image @ direction(full, neg, t)) - 1.5 * base * max(image @ neg, 0)


def test_cosine_is_the_raw_sentence():
    tower = TableTower()
    want = images().astype(float) @ tower.table["the sentence"].astype(float)
    np.testing.assert_allclose(scores(query(), "cosine", tower), want, atol=1e-12)


def test_affirmed_only_is_the_normalised_mean_of_what_is_wanted():
    tower = TableTower()
    a = unit((tower["effusion"] + tower["edema"]) / 2)
    got = scores(query(("effusion", "edema")), "affirmed-only", tower)
    np.testing.assert_allclose(got, images() @ a, atol=1e-6)


def test_subtract_counts_the_weaker_of_two_wanted_findings():
    tower = TableTower(spread=2.0)
    got = scores(query(("effusion", "edema")), "subtract", tower)
    want = [
        min(x @ tower["effusion"], x @ tower["edema"]) - max(x @ tower["calcification"], 0)
        for x in images().astype(float)
    ]
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_subtract_takes_each_unwanted_phrase_where_the_image_shows_it():
    tower = TableTower()
    got = scores(query(negated=("calcification", "granuloma")), "subtract", tower)
    want = [
        x @ tower["effusion"] - max(x @ tower["calcification"], 0) - max(x @ tower["granuloma"], 0)
        for x in images().astype(float)
    ]
    np.testing.assert_allclose(got, want, atol=1e-6)


@SPREADS
def test_projection_is_at_right_angles_to_what_is_unwanted(spread):
    tower = TableTower(spread=spread)
    a, n = tower["effusion"], tower["calcification"]
    got = scores(query(), "projection", tower)
    np.testing.assert_allclose(got, images() @ unit(a - (a @ n) * n), atol=1e-5)


def test_projection_takes_several_out_by_gram_schmidt():
    tower = TableTower()
    left, basis = tower["effusion"], []
    for text in ("calcification", "granuloma"):
        n = tower[text]
        for axis in basis:
            n = n - (n @ axis) * axis
        basis.append(unit(n))
        left = left - (left @ basis[-1]) * basis[-1]
    got = scores(query(negated=("calcification", "granuloma")), "projection", tower)
    np.testing.assert_allclose(got, images() @ unit(left), atol=1e-5)


def test_projection_bears_two_unwanted_phrases_that_say_the_same():
    tower = TableTower()
    tower.table[tower.card.template.format("granuloma")] = tower["calcification"].astype(np.float32)
    a, n = tower["effusion"], tower["calcification"]
    got = scores(query(negated=("calcification", "granuloma")), "projection", tower)
    np.testing.assert_allclose(got, images() @ unit(a - (a @ n) * n), atol=1e-5)


def slow_turn(a, n, degrees):
    """The vector of their plane, on a's side, whose angle to n is that of a and some degrees more."""
    theta = min(math.acos(a @ n) + math.radians(degrees), math.pi)
    return math.cos(theta) * n + math.sin(theta) * unit(a - (a @ n) * n)


@SPREADS
def test_rotate_turns_by_45_degrees_away(spread):
    tower = TableTower(spread=spread)
    v = slow_turn(tower["effusion"], tower["calcification"], 45)
    np.testing.assert_allclose(scores(query(), "rotate", tower), images() @ v, atol=1e-5)


def test_rotate_turns_no_further_than_to_the_opposite():
    tower = TableTower()
    a = tower["effusion"]
    side = unit(np.eye(8)[0] - (np.eye(8)[0] @ a) * a)
    n = unit(-a + 0.3 * side)
    tower.table[tower.card.template.format("calcification")] = n.astype(np.float32)
    np.testing.assert_allclose(scores(query(), "rotate", tower), -(images() @ n), atol=1e-5)


def test_rotate_averages_the_directions_away_from_several():
    tower = TableTower()
    v = [slow_turn(tower["effusion"], tower[text], 45) for text in ("calcification", "granuloma")]
    got = scores(query(negated=("calcification", "granuloma")), "rotate", tower)
    np.testing.assert_allclose(got, images() @ unit(v[0] + v[1]), atol=1e-5)


@SPREADS
def test_spacevlm_matches_the_geometry_of_the_two_caps(spread):
    tower = TableTower(spread=spread)
    v = slow_spacevlm_direction(tower["effusion"], tower["calcification"], 0.9)
    np.testing.assert_allclose(scores(query(), "spacevlm", tower), images() @ v, atol=1e-5)


def test_spacevlm_averages_the_directions_away_from_several():
    tower = TableTower(spread=0.3)
    v = [
        slow_spacevlm_direction(tower["effusion"], tower[text], 0.9)
        for text in ("calcification", "granuloma")
    ]
    got = scores(query(negated=("calcification", "granuloma")), "spacevlm", tower)
    np.testing.assert_allclose(got, images() @ unit(v[0] + v[1]), atol=1e-5)


@SPREADS
@pytest.mark.parametrize("strength", STRENGTHS)
def test_drc_matches_equations_5_to_14_with_spacevlms_sign_and_mask(spread, strength):
    tower = TableTower(spread=spread)
    want = [slow_drc(tower, slow_spacevlm_direction, strength, x) for x in images().astype(float)]
    np.testing.assert_allclose(scores(query(strength=strength), "drc", tower), want, atol=1e-5)


@SPREADS
@pytest.mark.parametrize("strength", STRENGTHS)
def test_drc_printed_matches_equations_5_to_14_to_the_letter(spread, strength):
    tower = TableTower(spread=spread)
    want = [slow_drc(tower, slow_printed_direction, strength, x) for x in images().astype(float)]
    np.testing.assert_allclose(scores(query(strength=strength), "drc-printed", tower), want, atol=1e-5)


def test_the_printed_equation_pulls_towards_what_is_close_and_the_other_pushes_away():
    tower = TableTower(spread=0.3)  # calcification is nearer to effusion than 2t² − 1 = .62
    a, n = tower["effusion"], tower["calcification"]
    assert a @ n > 0.62
    assert slow_printed_direction(a, n, 0.9) @ n > a @ n > slow_spacevlm_direction(a, n, 0.9) @ n


def test_subtract_with_nothing_wanted_ranks_by_the_opposite_of_what_is_unwanted():
    tower = TableTower()
    got = scores(query(affirmed=(), negated=("calcification", "granuloma")), "subtract", tower)
    np.testing.assert_allclose(got, -(images() @ (tower["calcification"] + tower["granuloma"])), atol=1e-6)
