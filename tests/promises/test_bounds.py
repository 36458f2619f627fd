"""How far down an order a promise goes, against its definition and against many random splits."""

from math import comb, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medneg.labels import ABSENT, PRESENT, UNCERTAIN, UNKNOWN
from medneg.promises import candidates, joint_states, largest_safe
from medneg.promises.bounds import chance_of_so_few, doubt_per_step


def so_few(v, n, m, risk):
    """The definition: the chance of v or fewer labelled carriers, with the fewest that break the promise."""
    w = floor(risk * m + 1e-9)
    most = next(size for size in range(m, m + 200) if floor(risk * (size + 1) + 1e-9) > w)
    carriers = v + w + 1
    ways = sum(comb(n, k) * comb(most, carriers - k) for k in range(v + 1))
    return ways / comb(n + most, carriers)


def slow_largest_safe(states, *, risk):
    """Step by step: begin where no carrier would do, stop where the test fails."""
    length = 0
    for stop in range(1, len(states) + 1):
        start = states[:stop]
        v, n, m = start.count(PRESENT), len(start) - start.count(UNKNOWN), start.count(UNKNOWN)
        if so_few(0, n, m, risk) > 0.05:
            continue
        if so_few(v, n, m, risk) > 0.05:
            break
        length = stop
    return length


def drawn(seed, *, size, labelled=0.5, steepness=4.0):
    """An order in which carriers grow frequent, some of its images labelled; each another patient's."""
    rng = np.random.default_rng(seed)
    chance = np.linspace(0, 1, size) ** steepness
    truth = np.where(rng.random(size) < chance, PRESENT, ABSENT).astype(np.int8)
    return truth, np.where(rng.random(size) < labelled, truth, UNKNOWN).astype(np.int8)


@pytest.mark.parametrize(
    ("v", "n", "m"), [(0, 59, 500), (0, 93, 40), (3, 200, 100), (1, 120, 0), (7, 90, 19)]
)
@pytest.mark.parametrize("risk", [0.01, 0.05, 0.1, 0.3])
def test_the_test_is_the_hypergeometric_chance_of_its_definition(v, n, m, risk):
    assert float(chance_of_so_few(v, n, float(m), risk)) == pytest.approx(so_few(v, n, m, risk), rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(30, 260), st.sampled_from([0.05, 0.1, 0.2]))
def test_the_walk_ends_where_going_step_by_step_ends(seed, size, risk):
    _, states = drawn(seed, size=size)
    assert largest_safe(states, np.arange(size), risk=risk) == slow_largest_safe(states.tolist(), risk=risk)


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 30), st.integers(30, 2000), st.integers(0, 2000), st.sampled_from([0.01, 0.05, 0.1, 0.25])
)
def test_a_test_that_is_passed_stays_passed_when_an_image_without_a_carrier_is_added(v, n, m, risk):
    more = (
        float(chance_of_so_few(v, n + 1, float(m), risk)),
        float(chance_of_so_few(v, n, float(m + 1), risk)),
    )
    here = float(chance_of_so_few(v, n, float(m), risk))
    for level in (0.05, 0.01, 0.002):
        assert here > level or max(more) <= level


def test_with_labels_alone_the_bound_is_clopper_and_pearsons():
    clean = np.full(80, ABSENT, np.int8)
    assert largest_safe(clean[:58], np.arange(58), risk=0.05) == 0
    assert largest_safe(clean[:59], np.arange(59), risk=0.05) == 59  # 0.95 ** 59 = 0.0485
    clean[70] = PRESENT
    assert largest_safe(clean, np.arange(80), risk=0.05) == 70
    assert largest_safe(clean[:0], np.arange(0), risk=0.05) == 0


def test_a_promise_of_few_images_needs_more_labels_than_one_of_many():
    few = np.array([ABSENT] * 100 + [UNKNOWN] * 19, np.int8)  # 5 % of 19 is none at all
    many = np.array([ABSENT] * 100 + [UNKNOWN] * 1900, np.int8)
    assert largest_safe(few, np.arange(len(few)), risk=0.05) == 0
    assert largest_safe(many, np.arange(len(many)), risk=0.05) == 2000


def test_carriers_of_one_patient_count_as_one():
    states = np.array([PRESENT, PRESENT, PRESENT, ABSENT, UNKNOWN], np.int8)
    assert doubt_per_step(states, np.array([1, 2, 3, 4, 5]), 0.95) == pytest.approx(0.05)
    assert doubt_per_step(states, np.array([1, 1, 1, 4, 4]), 0.95) == pytest.approx(0.002193, rel=1e-3)
    assert doubt_per_step(states[3:], np.array([4, 4]), 0.95) == pytest.approx(0.01001, rel=1e-3)


@pytest.mark.parametrize(("size", "labelled", "risk"), [(400, 0.5, 0.05), (400, 0.3, 0.1), (900, 0.2, 0.05)])
def test_the_share_of_unlabelled_carriers_breaks_the_promise_in_at_most_one_of_twenty_splits(
    size, labelled, risk
):
    truth, _ = drawn(1, size=size)
    rng = np.random.default_rng(2)
    broken = 0
    for _ in range(200):
        seen = rng.random(size) < labelled
        cut = largest_safe(np.where(seen, truth, UNKNOWN), np.arange(size), risk=risk)
        rest = truth[:cut][~seen[:cut]]
        broken += int((rest == PRESENT).sum() > risk * len(rest))
    assert broken <= 19  # 10 expected at most; P(more than 19 | 5 %) = 0.003


def test_the_promise_holds_for_patients_with_several_images():
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(250), 3)
    of_patient = rng.random(250) < 0.12
    score = np.repeat(of_patient * 1.5 + rng.standard_normal(250), 3) + 0.2 * rng.standard_normal(750)
    order = np.argsort(score)
    truth = np.where(of_patient[patients], PRESENT, ABSENT).astype(np.int8)[order]
    broken = 0
    for _ in range(200):
        seen = (rng.random(250) < 0.6)[patients][order]
        cut = largest_safe(np.where(seen, truth, UNKNOWN), patients[order], risk=0.05)
        rest = truth[:cut][~seen[:cut]]
        broken += int((rest == PRESENT).sum() > 0.05 * len(rest))
    assert broken <= 19


def test_candidates_probably_show_what_is_wanted_and_come_safest_first():
    wanted = np.array([2.0, 0.0, -0.1, 3.0, 1.0, 1.0])
    excluded = [np.array([0.0, -1.0, -9.0, -2.0, 5.0, -3.0]), np.array([-8.0, -8.0, -8.0, 4.0, -8.0, -8.0])]
    states = np.array([UNKNOWN, PRESENT, ABSENT, ABSENT, ABSENT, UNCERTAIN], np.int8)
    allowed = np.ones(6, bool)
    assert candidates([wanted], excluded, states, allowed).tolist() == [1, 0, 3, 4]
    assert candidates([], excluded[:1], states, allowed).tolist() == [2, 3, 1, 0, 4]
    assert candidates([wanted], excluded, states, ~allowed).tolist() == []


def test_findings_are_absent_together_only_where_each_is():
    rows = [
        [ABSENT, ABSENT],
        [ABSENT, UNKNOWN],
        [PRESENT, UNKNOWN],
        [UNCERTAIN, ABSENT],
        [UNCERTAIN, PRESENT],
    ]
    want = [ABSENT, UNKNOWN, PRESENT, UNCERTAIN, PRESENT]
    assert joint_states(np.array(rows, np.int8)).tolist() == want
