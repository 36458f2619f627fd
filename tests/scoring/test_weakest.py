"""Several wanted findings against the mean over all pairs of the weaker one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medneg.scoring.plan import score
from medneg.scoring.weakest import Evidence, weakest_link
from medneg.values import Linear, Plan, Space


def evidence(count, width=5, seed=0):
    draw = np.random.default_rng(seed)
    return [
        Evidence(vector=draw.standard_normal(width), label=f"finding {k}", offset=float(draw.normal()))
        for k in range(count)
    ]


def images(rows=40, width=5, seed=9):
    vectors = np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def scores(wanted):
    plan = Plan(terms=weakest_link(wanted), space=Space(image_fingerprint="toy"))
    return score(plan, images())


@given(st.integers(2, 5), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_it_is_the_mean_over_pairs_of_the_weaker_one(count, seed):
    wanted = evidence(count, seed=seed)
    values = np.array([images().astype(float) @ one.vector - one.offset for one in wanted])
    pairs = list(itertools.combinations(values, 2))
    want = sum(np.minimum(one, other) for one, other in pairs) / len(pairs)
    constant = sum(one.offset for one in wanted) / count
    np.testing.assert_allclose(scores(wanted) - constant, want, atol=2e-6)


def test_of_two_it_is_the_minimum_and_of_three_the_strongest_counts_for_nothing():
    two, three = evidence(2), evidence(3)
    values = np.sort([images() @ one.vector - one.offset for one in three], axis=0)
    got = scores(three) - sum(one.offset for one in three) / 3
    np.testing.assert_allclose(got, 2 / 3 * values[0] + 1 / 3 * values[1], atol=2e-6)
    lower = np.min([images() @ one.vector - one.offset for one in two], axis=0)
    np.testing.assert_allclose(scores(two) - sum(one.offset for one in two) / 2, lower, atol=2e-6)


def test_one_finding_is_left_as_it_is():
    (term,) = weakest_link(evidence(1))
    assert term.response == Linear(weight=1.0)
    assert term.label == "finding 0"


def test_each_of_two_findings_contributes_what_the_weaker_one_has():
    from medneg.scoring.plan import contributions

    wanted = [Evidence(vector=vector, label=label) for vector, label in zip(np.eye(2), "ab", strict=True)]
    plan = Plan(terms=weakest_link(wanted), space=Space(image_fingerprint="toy"))
    assert [term.label for term in plan.terms] == ["a", "b", "a beyond b", "b beyond a"]
    parts = contributions(plan, np.float32([[0.6, 0.8]]))[0]
    assert parts[0] + parts[2] == pytest.approx(0.3)
    assert parts[1] + parts[3] == pytest.approx(0.3)
