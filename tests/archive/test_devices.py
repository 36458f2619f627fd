"""Where a scan runs, and that it finds and proves the same wherever that is."""

import numpy as np
import pytest
import torch

from medneg.archive import Archive, devices, scan
from medneg.archive import matrix as matrix_module
from medneg.archive.bounds import UpperBounds
from medneg.archive.filters import Where
from medneg.archive.scan import top_k
from medneg.errors import ArchiveError, UnknownName
from medneg.values import Linear, LogProbability, Plan, Repulsion, Space, Term
from tests.archive.new_images import SPACE, new_image, unit_vector
from tests.archive.test_scan import brute_force, make_plan, unit_rows, write
from tests.fake_encoder import FakeEncoder

WIDTH = 32
ELSEWHERE = "cuda" if torch.cuda.is_available() else "cpu:0"
"""A device that is not the one called "cpu": the very code of a GPU, also where there is none."""


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of one GiB beyond what a scan needs besides its rows."""

    def pretend(room=2 << 30, allocated=0):
        monkeypatch.delenv(devices.VARIABLE, raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (room - allocated, 4 << 30))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: allocated)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: allocated)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "ACCELERATOR 9")

    return pretend


@pytest.mark.parametrize(
    "responses",
    [
        [Linear(weight=1.0)],
        [Linear(weight=1.0), Repulsion(weight=0.8, bias=0.05)],
        [LogProbability(slope=20.0, intercept=-1.0), LogProbability(slope=-12.0)],
    ],
)
@pytest.mark.parametrize("centred", [False, True])
def test_a_scan_elsewhere_finds_and_proves_what_brute_force_finds(tmp_path, monkeypatch, responses, centred):
    monkeypatch.setattr(matrix_module, "_BLOCK_VALUES_ELSEWHERE", 700 * WIDTH)  # the rows come in five pieces
    truth = unit_rows(3000, WIDTH, cone=1.0)
    matrix = write(tmp_path, truth).on(ELSEWHERE)
    plan = make_plan(WIDTH, responses, seed=3, mean=matrix.mean if centred else None)
    for mask in (None, np.arange(3000) % 7 == 0, np.arange(3000) > 100):
        ids, scores = brute_force(plan, truth, matrix.ids, 20, mask)
        found = top_k(plan, matrix, 20, fetch=truth.__getitem__, mask=mask)
        assert found.exact
        assert found.ids.tolist() == ids.tolist()
        assert found.scores.tolist() == scores.tolist()


def test_rows_are_moved_to_a_device_once(tmp_path):
    matrix = write(tmp_path, unit_rows(50, WIDTH))
    there = matrix.on(ELSEWHERE)
    assert matrix.on(ELSEWHERE) is there
    assert there.on(ELSEWHERE) is there
    assert there.sample.device == ELSEWHERE
    assert (matrix.was_on(ELSEWHERE), matrix.was_on("meta")) == (True, False)
    seen = []
    for _ in range(2):
        there.visit(lambda place, piece: seen.append(piece.device.type))
    assert seen == [torch.device(ELSEWHERE).type] * 2
    np.testing.assert_allclose(there.distances(matrix.mean), matrix.distances(matrix.mean), rtol=1e-6)


def test_the_environment_chooses_the_device_and_wrong_wishes_are_refused(gpu):
    assert devices.device({}) == ("cuda" if torch.cuda.is_available() else "cpu")
    assert devices.device({"MEDNEG_DEVICE": "cpu"}) == "cpu"
    with pytest.raises(UnknownName, match=r"unknown device in MEDNEG_DEVICE 'tpu'; .* cpu, cuda"):
        devices.device({"MEDNEG_DEVICE": "tpu"})
    if not torch.cuda.is_available():
        with pytest.raises(ArchiveError, match="MEDNEG_DEVICE asks for a GPU, and torch finds none"):
            devices.device({"MEDNEG_DEVICE": "cuda"})
        assert devices.gpu_memory() == 0
    gpu()
    assert devices.device({}) == "cuda"
    assert devices.device({"MEDNEG_DEVICE": "cpu"}) == "cpu"


def test_a_matrix_goes_to_the_gpu_where_it_fits_and_stays_there(tmp_path, gpu):
    matrix = write(tmp_path, unit_rows(50, WIDTH))
    gpu(room=1 << 30)  # just what a scan needs beside the rows
    assert devices.placed(matrix).device == "cpu"
    gpu(room=2 << 30)
    assert devices.gpu_memory() == 2 << 30
    assert devices.placed(matrix).device == "cuda"
    gpu(room=2 << 30, allocated=2 << 30)  # by this very matrix
    assert devices.placed(matrix).device == "cuda"
    assert devices.described("cuda") == "cuda (ACCELERATOR 9)"


def test_a_gpu_multiplies_in_float32_during_a_scan_and_as_before_afterwards():
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    try:
        for setting in ("tf32", "ieee"):
            products.fp32_precision = setting
            with devices.exact_products("cuda"):
                assert products.fp32_precision == "ieee"
            assert products.fp32_precision == setting
            with devices.exact_products("cpu"):
                assert products.fp32_precision == setting
    finally:
        products.fp32_precision = before


def test_a_gpu_that_others_filled_meanwhile_leaves_the_scan_to_the_processor(tmp_path, gpu, monkeypatch):
    def full(plan, matrix, k, **given):
        if matrix.device == "cuda":
            raise torch.OutOfMemoryError("no room")
        return top_k(plan, matrix, k, **given)

    gpu()
    monkeypatch.setattr(scan, "top_k", full)
    with Archive.open(tmp_path / "archive", create=True) as archive:
        archive.register(FakeEncoder().card)
        archive.store(SPACE, images=[new_image(number) for number in range(3)])
        plan = Plan(
            terms=(Term(direction=unit_vector(1), response=Linear(weight=1.0), label=""),),
            space=Space(image_fingerprint=SPACE),
        )
        found = archive.indexes(SPACE).open("scan").search(plan, 2, where=Where())
    assert found.ranking.exact
    assert "cuda" not in found.how


@pytest.mark.parametrize("elsewhere", [False, True])
def test_no_bound_that_reaches_a_score_is_passed_over_by_rounding(elsewhere):
    draw = np.random.default_rng(0)
    values = draw.uniform(-1, 1, 500).astype(np.float32)
    bounds = UpperBounds(torch.from_numpy(values).to(ELSEWHERE), elsewhere=elsewhere)
    for value in values[:50].astype(np.float64):
        for score in (value, np.nextafter(value, -2), value + 1e-10, value - 1e-10):
            within = set(bounds.reaching(float(score)).tolist())
            assert within >= set(np.flatnonzero(values.astype(np.float64) >= score))
            assert within <= set(np.flatnonzero(values.astype(np.float64) >= score - 1e-7))
    assert set(bounds.largest(7).tolist()) == set(np.argsort(-values)[:7])
    assert bounds.of(np.array([3, 0])).tolist() == values[[3, 0]].tolist()
