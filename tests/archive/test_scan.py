"""The certified scan against brute force over the float32 truth."""

from contextlib import ExitStack, contextmanager, nullcontext
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medneg.archive import bounds, scan
from medneg.archive import matrix as matrix_module
from medneg.archive.bounds import best_shares, term_bounds, upper_bounds
from medneg.archive.matrix import ScanMatrix
from medneg.archive.scan import FIRST_CANDIDATES, top_k
from medneg.scoring.plan import score, total
from medneg.values import Linear, LogProbability, Plan, Repulsion, Space, Term


def unit_rows(rows, width, seed=0, cone=0.0):
    draw = np.random.default_rng(seed)
    vectors = draw.standard_normal((rows, width)) + cone * draw.standard_normal(width) * 2
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def write(folder, truth, ids=None):
    ids = np.arange(len(truth)) if ids is None else ids
    return ScanMatrix.write(folder, ids=ids, blocks=[truth], stamp="", width=truth.shape[1])


def make_plan(width, responses, seed, mean=None):
    return plan_of(unit_rows(len(responses), width, seed=seed), responses, mean)


def plan_of(directions, responses, mean=None):
    terms = tuple(
        Term(direction=np.float32(direction), response=response, label="")
        for direction, response in zip(directions, responses, strict=True)
    )
    return Plan(terms=terms, space=Space(image_fingerprint="toy", mean=mean))


def brute_force(plan, truth, ids, k, mask=None):
    kept = np.arange(len(truth)) if mask is None else np.flatnonzero(mask)
    scores = score(plan, truth[kept]) if len(kept) else np.empty(0)
    order = sorted(range(len(kept)), key=lambda j: (-scores[j], ids[kept[j]]))[:k]
    return ids[kept[order]], scores[order]


weights = st.floats(-2, 2, allow_subnormal=False)
any_responses = st.lists(
    st.one_of(
        st.builds(lambda weight: Linear(weight=weight), weights),
        st.builds(
            lambda weight, bias: Repulsion(weight=abs(weight), bias=bias), weights, st.floats(-0.5, 0.5)
        ),
        st.builds(
            lambda slope, intercept: LogProbability(slope=slope, intercept=intercept),
            st.floats(-90, 90),
            st.floats(-12, 12),
        ),
    ),
    min_size=1,
    max_size=6,
)


def gallery(kind, rows, width, seed):
    """Unit rows that are hard to rank: in a cone, twice, around one of them, or too small for float16."""
    truth = unit_rows(rows, width, seed, cone={"cone": 1.0, "needle": 10.0}.get(kind, 0.0))
    draw = np.random.default_rng(seed)
    if kind == "twins":
        truth[rows // 2 :] = truth[: rows - rows // 2]
    elif kind == "two sides":
        truth[rows // 2 :] = -truth[: rows - rows // 2]
    elif kind == "around one":
        truth[1:] = truth[0] + 10.0 ** draw.uniform(-8, -2, (rows - 1, 1)) * truth[1:]
    elif kind == "without rounding":
        return unit_rows(rows, width, seed).astype(np.float16).astype(np.float32)
    elif kind == "subnormal":
        truth = np.float32(10.0 ** draw.uniform(-9, -4, (rows, width)))
        truth[:, 0] = 1
    return (truth / np.linalg.norm(truth, axis=1, keepdims=True)).astype(np.float32)


def directions_of(kind, count, width, seed):
    """Directions of terms: any, or some of them zero, or terms that cancel one another."""
    found = unit_rows(count, width, seed)
    if kind == "zero":
        found[::2] = 0
    elif kind == "opposite":
        found[1::2] = -found[0]
    elif kind == "one":
        found[:] = found[0]
    elif kind == "long":
        found *= np.float32(3.7)
    return found


@given(
    responses=any_responses,
    galleries=st.sampled_from(
        ["any", "cone", "needle", "twins", "two sides", "around one", "without rounding", "subnormal"]
    ),
    directions=st.sampled_from(["any", "any", "zero", "opposite", "one", "long"]),
    rows=st.integers(1, 300),
    width=st.sampled_from([2, 5, 16]),
    seed=st.integers(0, 2**16),
    k=st.integers(1, 50),
    centre=st.sampled_from(["raw", "raw", "mean", "an image"]),
    masked=st.sampled_from([None, None, 0.0, 0.1, 0.9]),
    in_small_steps=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_plan_ranks_as_brute_force_over_the_float32_truth(
    tmp_path, responses, galleries, directions, rows, width, seed, k, centre, masked, in_small_steps
):
    truth = gallery(galleries, rows, width, seed)
    ids = np.random.default_rng(seed).permutation(10 * rows)[:rows].astype(np.int64)
    matrix = write(tmp_path, truth, ids)
    mean = {"raw": None, "mean": matrix.mean, "an image": truth[0]}[centre]
    plan = plan_of(directions_of(directions, len(responses), width, seed + 1), responses, mean)
    mask = None if masked is None else np.random.default_rng(seed).random(rows) < masked
    place = {int(image): row for row, image in enumerate(ids)}

    with small_steps() if in_small_steps else nullcontext():
        got = top_k(plan, matrix, k, mask=mask, fetch=lambda asked: truth[[place[int(i)] for i in asked]])

    want_ids, want_scores = brute_force(plan, truth, ids, k, mask)
    assert got.exact
    assert got.scores.tolist() == want_scores.tolist()
    assert got.ids.tolist() == want_ids.tolist()
    assert total(got.contributions).tolist() == want_scores.tolist()


@contextmanager
def small_steps():
    """Make a search of few rows take the steps of one of many."""
    with ExitStack() as stack:
        for module, name, value in (
            (scan, "FIRST_CANDIDATES", 3),
            (scan, "_FIRST_NARROWED", 7),
            (scan, "FETCHED_AT_ONCE", 11),
            (bounds, "_BOUNDED_AT_ONCE", 5),
            (matrix_module, "_SAMPLE_LEAST", 9),
            (matrix_module, "_BLOCK_VALUES", 64),
        ):
            stack.enter_context(patch.object(module, name, value))
        yield


CURVED = (
    Linear(weight=1.0),
    Repulsion(weight=0.7),
    Repulsion(weight=1.5, bias=-0.2),
    LogProbability(slope=40.0, intercept=-3.0),
    LogProbability(slope=-15.0, intercept=2.0),
)


@pytest.mark.parametrize("centred", [False, True], ids=["raw", "centred"])
@pytest.mark.parametrize("cone", [0.0, 1.0, 20.0])
def test_bounds_hold_in_spite_of_float16_storage(tmp_path, centred, cone):
    truth = unit_rows(3000, 64, seed=3, cone=cone)
    matrix = write(tmp_path, truth)
    plan = make_plan(64, CURVED, seed=1, mean=matrix.mean if centred else None)
    scores, rows = score(plan, truth), np.arange(3000)
    assert (upper_bounds(plan, matrix, rows=None, k=10).values.numpy() >= scores).all()
    lower, upper = term_bounds(plan, matrix, rows)
    assert (lower <= scores).all()
    assert (scores <= upper).all()


PENALISED = (Linear(weight=1.0), Repulsion(weight=0.5))
PROBABLE = (LogProbability(slope=30.0, intercept=-4.0), LogProbability(slope=-20.0, intercept=3.0))


@pytest.mark.parametrize("responses", [PENALISED, PROBABLE, PENALISED + PROBABLE * 2])
@pytest.mark.parametrize("centred", [False, True], ids=["raw", "centred"])
def test_a_few_candidates_prove_the_order_of_many_images(tmp_path, responses, centred):
    truth = unit_rows(20_000, 64, seed=1)
    matrix = write(tmp_path, truth)
    plan = make_plan(64, responses, seed=2, mean=matrix.mean if centred else None)
    fetched = []
    got = top_k(plan, matrix, 10, fetch=lambda ids: fetched.append(len(ids)) or truth[ids])
    assert got.ids.tolist() == brute_force(plan, truth, matrix.ids, 10)[0].tolist()
    assert sum(fetched) < 300


def test_an_answer_from_a_matrix_that_the_archive_has_outrun_is_not_called_exact(tmp_path):
    truth = unit_rows(500, 16, seed=1)
    matrix = write(tmp_path, truth)
    plan = make_plan(16, PENALISED, seed=2)
    best = top_k(plan, matrix, 5, fetch=lambda ids: truth[ids]).ids[0]
    truth[best] = unit_rows(1, 16, seed=9)[0]
    assert not top_k(plan, matrix, 5, fetch=lambda ids: truth[ids]).exact


def test_terms_that_cancel_rank_by_the_rounding_that_they_leave(tmp_path):
    truth = unit_rows(300, 16, seed=4)
    matrix = write(tmp_path, truth)
    responses = [Linear(weight=weight) for weight in (0.1, 0.2, -0.3)]
    plan = plan_of(directions_of("one", 3, 16, seed=5), responses)
    got = top_k(plan, matrix, 5, fetch=lambda ids: truth[ids])
    want_ids, want_scores = brute_force(plan, truth, matrix.ids, 5)
    assert 0 < want_scores[-1] < 1e-15
    assert (got.ids.tolist(), got.scores.tolist()) == (want_ids.tolist(), want_scores.tolist())


def test_rows_that_float16_cannot_tell_from_the_mean_may_have_any_score(tmp_path):
    truth = np.tile(unit_rows(1, 16), (200, 1))
    truth[100:] += np.float32(1e-5) * unit_rows(100, 16, seed=2)
    matrix = write(tmp_path, truth)
    plan = make_plan(16, CURVED, seed=1, mean=truth[0])
    scores, rows = score(plan, truth), np.arange(200)
    assert np.ptp(scores) > 1
    assert (upper_bounds(plan, matrix, rows=None, k=10).values.numpy() >= scores).all()
    lower, upper = term_bounds(plan, matrix, rows)
    assert (lower <= scores).all()
    assert (scores <= upper).all()


def test_images_at_the_mean_are_always_candidates(tmp_path):
    truth = np.repeat(unit_rows(1, 8), 100, axis=0)
    matrix = write(tmp_path, truth)
    plan = make_plan(8, [Linear(weight=1.0)], seed=2, mean=matrix.mean)
    got = top_k(plan, matrix, 3, fetch=lambda ids: truth[ids])
    assert (got.ids.tolist(), got.scores.tolist(), got.rescored) == ([0, 1, 2], [0.0] * 3, 100)


def test_equal_scores_stand_in_the_order_of_their_ids(tmp_path):
    truth = np.repeat(unit_rows(1, 8), 5, axis=0)
    matrix = write(tmp_path, truth, ids=np.array([50, 10, 40, 20, 30]))
    got = top_k(make_plan(8, [Linear(weight=1.0)], seed=2), matrix, 3, fetch=lambda ids: truth[: len(ids)])
    assert got.ids.tolist() == [10, 20, 30]


def test_the_share_is_one_where_the_best_images_show_the_unwanted_and_zero_where_they_do_not(tmp_path):
    truth = unit_rows(500, 8, seed=4)
    matrix = write(tmp_path, truth)
    a, n = unit_rows(1, 8, seed=5)[0], unit_rows(1, 8, seed=5)[0]
    for unwanted, share in ((n, 1.0), (-n, 0.0)):
        terms = tuple(
            Term(direction=v, response=response, label="")
            for v, response in ((a, Linear(weight=1.0)), (unwanted, Repulsion(weight=0.5)))
        )
        plan = Plan(terms=terms, space=Space(image_fingerprint="toy"))
        assert best_shares(plan, matrix, k=5)[1] == share


@pytest.mark.parametrize("weight", [np.inf, np.nan, 1e35])
def test_a_plan_beyond_float32_is_refused(tmp_path, weight):
    truth = unit_rows(5, 8)
    plan, matrix = make_plan(8, [Linear(weight=weight)], seed=2), write(tmp_path, truth)
    with pytest.raises(ValueError, match="weights and offsets of a plan must be finite and below 1e"):
        top_k(plan, matrix, 3, fetch=lambda ids: truth[ids])


def test_an_empty_archive_and_an_empty_mask_have_no_hits(tmp_path):
    plan = make_plan(8, [Linear(weight=1.0), Repulsion(weight=1.0)], seed=2)
    empty = write(tmp_path / "empty", unit_rows(0, 8))
    full = write(tmp_path / "full", unit_rows(5, 8))
    for matrix, mask in ((empty, None), (full, np.zeros(5, bool))):
        got = top_k(plan, matrix, 3, mask=mask, fetch=lambda ids: pytest.fail("nothing to fetch"))
        assert (got.ids.tolist(), got.exact, got.contributions.shape) == ([], True, (0, 2))


def test_a_narrow_mask_looks_at_its_own_rows_only(tmp_path):
    truth = unit_rows(5000, 16, seed=1)
    matrix = write(tmp_path, truth)
    mask = np.zeros(5000, bool)
    mask[[7, 4000, 4999]] = True
    got = top_k(
        make_plan(16, [Linear(weight=1.0)], seed=2), matrix, 10, mask=mask, fetch=lambda ids: truth[ids]
    )
    assert sorted(got.ids.tolist()) == [7, 4000, 4999]
    assert got.rescored == 3 < FIRST_CANDIDATES


@pytest.mark.parametrize(
    ("k", "width", "mask", "message"),
    [
        (0, 8, None, "k must be at least 1; got 0"),
        (1, 9, None, "the plan has width 9, the matrix 8"),
        (1, 8, np.ones(4, bool), r"a mask must have shape \(5,\); got \(4,\)"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, k, width, mask, message):
    truth = unit_rows(5, 8)
    plan, matrix = make_plan(width, [Linear(weight=1.0)], seed=2), write(tmp_path, truth)
    with pytest.raises(ValueError, match=message):
        top_k(plan, matrix, k, mask=mask, fetch=lambda ids: truth[ids])
