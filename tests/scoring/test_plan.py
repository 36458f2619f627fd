"""The plan's arithmetic against sums written out from the definition."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medneg.scoring.plan import bound, contributions, line_above, respond, score
from medneg.values import Linear, LogProbability, Plan, Repulsion, Space, Term


def unit_rows(rows, width=6, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def plan_of(*terms, mean=None):
    made = tuple(Term(direction=v, response=response, label=str(k)) for k, (v, response) in enumerate(terms))
    return Plan(terms=made, space=Space(image_fingerprint="toy", mean=mean))


def mixed_plan(width=6, mean=None):
    directions = unit_rows(4, width, seed=3)
    responses = Linear(weight=1.0), Linear(weight=-0.25), Repulsion(weight=0.8), Repulsion(weight=2, bias=0.1)
    return plan_of(*zip(directions, responses, strict=True), mean=mean)


def slow_score(plan, image):
    x = [float(value) for value in image]
    if plan.space.mean is not None:
        x = [value - float(m) for value, m in zip(x, plan.space.mean, strict=True)]
        norm = math.sqrt(math.fsum(value * value for value in x))
        x = [value / norm for value in x]
    parts = []
    for term in plan.terms:
        z = math.fsum(value * float(v) for value, v in zip(x, term.direction, strict=True))
        response = term.response
        if isinstance(response, Linear):
            parts.append(response.weight * z)
        else:
            parts.append(-response.weight * max(z - response.bias, 0.0))
    return parts


@pytest.mark.parametrize("mean", [None, unit_rows(1, seed=9)[0] * np.float32(0.6)], ids=["raw", "centred"])
def test_contributions_and_scores_match_the_definition(mean):
    plan, images = mixed_plan(mean=mean), unit_rows(40)
    want = np.array([slow_score(plan, image) for image in images])
    np.testing.assert_allclose(contributions(plan, images), want, atol=1e-15)
    np.testing.assert_allclose(score(plan, images), want.sum(axis=1), atol=1e-15)


@given(st.integers(1, 600), st.integers(1, 2100), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_a_score_does_not_depend_on_the_neighbours(width, rows, random):
    images = unit_rows(rows, width, seed=random.randrange(99))
    plan = mixed_plan(width, mean=images.mean(axis=0))
    one = random.randrange(rows)
    assert score(plan, images[one : one + 1])[0] == score(plan, images)[one]


def test_plain_cosine_is_the_product_with_the_stored_vector_bit_for_bit():
    images, text = unit_rows(50, 512), unit_rows(1, 512, seed=1)[0]
    got = score(plan_of((text, Linear(weight=1.0))), images)
    want = [np.add.reduce(np.float64(image) * np.float64(text)) for image in images]
    assert got.tolist() == [float(value) for value in want]


def test_a_repulsion_that_takes_nothing_contributes_a_positive_zero():
    got = contributions(plan_of((np.float32([1, 0]), Repulsion(weight=1.0))), np.float32([[-1, 0]]))
    assert math.copysign(1.0, got[0, 0]) == 1.0


def test_an_image_at_the_mean_scores_zero_on_linear_terms():
    mean = unit_rows(1)[0]
    plan = plan_of((unit_rows(1, seed=2)[0], Linear(weight=1.0)), mean=mean)
    assert score(plan, mean[None]).tolist() == [0.0]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("mean", [None, unit_rows(1, seed=9)[0] * np.float32(0.6)], ids=["raw", "centred"])
def test_the_bound_is_never_below_the_score(share, mean):
    plan, images = mixed_plan(mean=mean), unit_rows(500)
    vector, constant = bound(plan, [share] * 4)
    space = images.astype(np.float64)
    if mean is not None:
        space = (space - mean) / np.linalg.norm(space - mean, axis=1, keepdims=True)
    assert (space @ vector + constant >= score(plan, images) - 1e-12).all()


def test_the_bound_of_a_plan_without_repulsions_is_its_folded_vector():
    a, b = unit_rows(2)
    plan = plan_of((a, Linear(weight=2.0)), (b, Linear(weight=-1.0)))
    vector, constant = bound(plan, [1.0, 0.3])
    np.testing.assert_allclose(vector, 2 * a - b, atol=1e-7)
    assert constant == 0.0


@given(
    slope=st.floats(-80, 80), intercept=st.floats(-20, 20), share=st.floats(0, 1), z=st.floats(-1.01, 1.01)
)
def test_a_line_above_is_never_below_any_response(slope, intercept, share, z):
    responses = (
        LogProbability(slope=slope, intercept=intercept),
        Repulsion(weight=abs(slope), bias=intercept / 20),
        Linear(weight=slope),
    )
    for response in responses:
        g, h = line_above(response, share)
        assert g * z + h >= respond(np.float64(z), response) - 1e-12


@pytest.mark.parametrize("slope", [-30.0, 8.0])
def test_the_line_above_a_log_probability_is_its_tangent_where_the_share_says(slope):
    response = LogProbability(slope=slope, intercept=-1.5)
    for share in (0.01, 0.5, 0.9):
        z = (math.log((1 - share) / share) + 1.5) / slope
        g, h = line_above(response, share)
        assert g * z + h == pytest.approx(math.log(1 - share), abs=1e-12)


@pytest.mark.parametrize("shares", [[1.0] * 3, [0.5, 0.5, 0.5, 1.5], [0.5, 0.5, -0.1, 0.5], [math.nan] * 4])
def test_shares_that_are_no_shares_are_refused(shares):
    with pytest.raises(ValueError, match=r"bound needs a share in \[0, 1\] for each of 4 terms; got \["):
        bound(mixed_plan(), shares)


def test_vectors_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"of shape \(n, 6\); got \(3, 7\)"):
        score(mixed_plan(), unit_rows(3, 7))
