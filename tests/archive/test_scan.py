"""The certified scan against brute force over the float32 truth."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medneg.archive.matrix import ScanMatrix
from medneg.archive.scan import FIRST_CANDIDATES, best_share, top_k, upper_bounds
from medneg.scoring.plan import score
from medneg.values import Linear, Plan, Repulsion, Space, Term


def unit_rows(rows, width, seed=0, cone=0.0):
    draw = np.random.default_rng(seed)
    vectors = draw.standard_normal((rows, width)) + cone * draw.standard_normal(width) * 2
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def write(folder, truth, ids=None):
    ids = np.arange(len(truth)) if ids is None else ids
    return ScanMatrix.write(folder, ids=ids, blocks=[truth], stamp="", width=truth.shape[1])


def make_plan(width, responses, seed, mean=None):
    directions = unit_rows(len(responses), width, seed=seed)
    terms = tuple(
        Term(direction=direction, response=response, label="")
        for direction, response in zip(directions, responses, strict=True)
    )
    return Plan(terms=terms, space=Space(image_fingerprint="toy", mean=mean))


def brute_force(plan, truth, ids, k, mask=None):
    kept = np.arange(len(truth)) if mask is None else np.flatnonzero(mask)
    scores = score(plan, truth[kept]) if len(kept) else np.empty(0)
    order = sorted(range(len(kept)), key=lambda j: (-scores[j], ids[kept[j]]))[:k]
    return ids[kept[order]], scores[order]


weights = st.floats(-2, 2, allow_subnormal=False)
responses = st.lists(
    st.one_of(
        st.builds(lambda weight: Linear(weight=weight), weights),
        st.builds(
            lambda weight, bias: Repulsion(weight=abs(weight), bias=bias), weights, st.floats(-0.5, 0.5)
        ),
    ),
    min_size=1,
    max_size=6,
)


@given(
    responses=responses,
    rows=st.integers(1, 400),
    width=st.sampled_from([2, 5, 16]),
    seed=st.integers(0, 2**16),
    cone=st.sampled_from([0.0, 1.0, 10.0]),
    k=st.integers(1, 50),
    centred=st.booleans(),
    twins=st.booleans(),
    masked=st.sampled_from([None, 0.0, 0.1, 0.9]),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_plan_ranks_as_brute_force_over_the_float32_truth(
    tmp_path, responses, rows, width, seed, cone, k, centred, twins, masked
):
    truth = unit_rows(rows, width, seed, cone)
    if twins:
        truth[rows // 2 :] = truth[: rows - rows // 2]
    ids = np.random.default_rng(seed).permutation(10 * rows)[:rows].astype(np.int64)
    matrix = write(tmp_path, truth, ids)
    plan = make_plan(width, responses, seed + 1, mean=matrix.mean if centred else None)
    mask = None if masked is None else np.random.default_rng(seed).random(rows) < masked
    place = {int(image): row for row, image in enumerate(ids)}

    got = top_k(plan, matrix, k, mask=mask, fetch=lambda asked: truth[[place[int(i)] for i in asked]])

    want_ids, want_scores = brute_force(plan, truth, ids, k, mask)
    assert got.exact
    assert got.scores.tolist() == want_scores.tolist()
    assert got.ids.tolist() == want_ids.tolist()


@pytest.mark.parametrize("centred", [False, True], ids=["raw", "centred"])
@pytest.mark.parametrize("cone", [0.0, 1.0, 20.0])
def test_bounds_hold_in_spite_of_float16_storage(tmp_path, centred, cone):
    truth = unit_rows(3000, 64, seed=3, cone=cone)
    matrix = write(tmp_path, truth)
    responses = [Linear(weight=1.0), Repulsion(weight=0.7), Repulsion(weight=1.5, bias=-0.2)]
    plan = make_plan(64, responses, seed=1, mean=matrix.mean if centred else None)
    assert (upper_bounds(plan, matrix, rows=None, k=10) >= score(plan, truth)).all()


def test_a_few_candidates_prove_the_order_of_many_images(tmp_path):
    truth = unit_rows(20_000, 64, seed=1)
    matrix = write(tmp_path, truth)
    for mean in (None, matrix.mean):
        plan = make_plan(64, [Linear(weight=1.0), Repulsion(weight=0.5)], seed=2, mean=mean)
        got = top_k(plan, matrix, 10, fetch=lambda ids: truth[ids])
        assert got.rescored < 300
        assert got.ids.tolist() == brute_force(plan, truth, matrix.ids, 10)[0].tolist()


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
        assert best_share(plan, matrix, k=5) == share


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
