"""The permutation test against exact enumeration, and Holm's correction against its definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medneg.evaluation.significance import holm, paired_differences


def slow_holm(p):
    """Reject the smallest at α/m, the next at α/(m − 1), …, stop at the first failure: the least such α."""
    m, places = len(p), sorted(range(len(p)), key=lambda place: p[place])
    corrected, so_far = [0.0] * m, 0.0
    for step, place in enumerate(places):
        so_far = max(so_far, (m - step) * p[place])
        corrected[place] = min(1.0, so_far)
    return corrected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_holm_matches_its_definition(p):
    assert holm(np.array(p)).tolist() == pytest.approx(slow_holm(p))


def test_what_was_not_compared_takes_no_part():
    corrected = holm(np.array([0.01, np.nan, 0.02]))
    assert corrected[[0, 2]].tolist() == pytest.approx([0.02, 0.02])
    assert math.isnan(corrected[1])


def test_the_permutation_p_is_that_of_all_sign_flips():
    ours, theirs = np.array([[0.9, 0.8, 0.7, 0.9, 0.6]]), np.array([[0.5, 0.6, 0.8, 0.4, 0.3]])
    differences = (ours - theirs)[0]
    flipped = [abs(np.mean(np.array(signs) * differences)) for signs in itertools.product([1, -1], repeat=5)]
    exact = np.mean(np.array(flipped) >= abs(differences.mean()) - 1e-12)
    (found,) = paired_differences(ours, theirs, np.random.default_rng(0))
    assert found.p == pytest.approx(exact, abs=0.01)
    assert found.figure.value == pytest.approx(differences.mean())


def test_no_difference_has_p_one_and_no_query_has_none():
    same = np.array([[0.5, 0.7, 0.2], [np.nan] * 3])
    equal, empty = paired_differences(same, same, np.random.default_rng(0), flips=100)
    assert equal.p == 1.0
    assert math.isnan(empty.p)
    assert empty.figure.n == 0


def test_unpaired_values_are_refused():
    with pytest.raises(ValueError, match=r"\(comparisons, queries\); got \(1, 2\) and \(1, 3\)"):
        paired_differences(np.zeros((1, 2)), np.zeros((1, 3)), np.random.default_rng(0))
