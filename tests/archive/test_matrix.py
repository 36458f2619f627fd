"""The scan matrix: what is written is what is mapped, and what is damaged does not exist."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from medneg.archive import matrix as matrix_module
from medneg.archive.matrix import ScanMatrix
from medneg.archive.matrix_file import FILE_NAME


def unit_rows(rows, width=8, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@contextmanager
def allowed(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def test_a_matrix_reads_back_as_it_was_written(tmp_path):
    rows = unit_rows(10)
    ScanMatrix.write(tmp_path, ids=range(5, 15), blocks=[rows[:6], rows[6:]], stamp="ten rows", width=8)
    matrix = ScanMatrix.open(tmp_path)
    assert matrix is not None
    np.testing.assert_array_equal(matrix.vectors, rows.astype(np.float16))
    np.testing.assert_array_equal(matrix.ids, np.arange(5, 15))
    np.testing.assert_allclose(matrix.mean, rows.mean(axis=0), atol=1e-7)
    assert (len(matrix), matrix.width, matrix.stamp) == (10, 8, "ten rows")


def test_rounding_is_the_largest_distance_between_a_row_and_its_float16_form(tmp_path):
    rows = unit_rows(50, seed=1)
    matrix = ScanMatrix.write(tmp_path, ids=range(50), blocks=[rows[:7], rows[7:]], stamp="", width=8)
    apart = [np.linalg.norm(row.astype(float) - row.astype(np.float16).astype(float)) for row in rows]
    assert matrix.rounding == pytest.approx(max(apart), rel=1e-12)


def test_the_file_is_in_the_layout_of_safetensors(tmp_path):
    rows = unit_rows(3)
    ScanMatrix.write(tmp_path, ids=[7, 8, 9], blocks=[rows], stamp="s", width=8)
    tensors = load_file(tmp_path / FILE_NAME)
    assert set(tensors) == {"ids", "vectors", "total", "mean", "rounding"}
    np.testing.assert_array_equal(tensors["vectors"], rows.astype(np.float16))


def test_an_empty_matrix_is_a_matrix(tmp_path):
    matrix = ScanMatrix.write(tmp_path, ids=[], blocks=[], stamp="nothing", width=4)
    assert matrix.vectors.shape == (0, 4)
    np.testing.assert_array_equal(matrix.mean, np.zeros(4))


def test_writing_again_replaces_and_leaves_an_open_matrix_as_it_was(tmp_path):
    old = ScanMatrix.write(tmp_path, ids=[1, 2], blocks=[unit_rows(2)], stamp="old", width=8)
    new = ScanMatrix.write(tmp_path, ids=[1], blocks=[unit_rows(1, seed=5)], stamp="new", width=8)
    assert (len(old), len(new)) == (2, 1)
    np.testing.assert_array_equal(old.vectors, unit_rows(2).astype(np.float16))
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_write_that_fails_leaves_the_old_matrix_and_no_rubbish(tmp_path):
    ScanMatrix.write(tmp_path, ids=[1], blocks=[unit_rows(1)], stamp="old", width=8)
    with pytest.raises(ValueError, match="got 2 vectors for 3 ids"):
        ScanMatrix.write(tmp_path, ids=[1, 2, 3], blocks=[unit_rows(2)], stamp="new", width=8)
    assert ScanMatrix.open(tmp_path).stamp == "old"
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_missing_a_cut_and_a_foreign_file_are_no_matrix(tmp_path):
    assert ScanMatrix.open(tmp_path / "nowhere") is None
    ScanMatrix.write(tmp_path, ids=range(9), blocks=[unit_rows(9)], stamp="", width=8)
    whole = (tmp_path / FILE_NAME).read_bytes()
    for damaged in (b"", whole[:20], whole[:-40], b"\xff" * 64, (2).to_bytes(8, "little") + b"[]" + whole):
        (tmp_path / FILE_NAME).write_bytes(damaged)
        assert ScanMatrix.open(tmp_path) is None


@pytest.mark.parametrize(
    ("ids", "block", "message"),
    [
        ([1, 2], unit_rows(2, width=5), "are 8 long; got a block of shape"),
        ([1], unit_rows(2), "got a block of 2 for 1 ids"),
        ([1, 42], unit_rows(2) * [[1], [2]], "must have unit length; the one of image 42 has not"),
        ([1, 42], unit_rows(2) * [[1], [np.nan]], "must have unit length; the one of image 42 has not"),
    ],
)
def test_rows_that_cannot_be_searched_are_refused(tmp_path, ids, block, message):
    with pytest.raises(ValueError, match=message):
        ScanMatrix.write(tmp_path, ids=ids, blocks=[block.astype(np.float32)], stamp="", width=8)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_visit_shows_every_asked_row_once(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(matrix_module, "_BLOCK_VALUES", 1024)
    rows = unit_rows(9000)
    matrix = ScanMatrix.write(tmp_path, ids=range(9000), blocks=[rows], stamp="", width=8)
    for wanted in (None, np.array([8999, 3, 3, 600]), np.arange(8990, 9, -1)):
        want = matrix.vectors if wanted is None else matrix.vectors[wanted]
        seen, times = np.zeros(want.shape, np.float32), np.zeros(len(want), int)

        def look(place, piece, seen=seen, times=times):
            seen[place], times[place] = piece.numpy(), times[place] + 1

        with allowed(workers):
            matrix.visit(look, wanted)
        assert (times == 1).all()
        np.testing.assert_array_equal(seen, want.astype(np.float32))


def test_a_visit_leaves_the_number_of_threads_as_it_was_even_after_an_error(tmp_path):
    matrix = ScanMatrix.write(tmp_path, ids=range(20_000), blocks=[unit_rows(20_000)], stamp="", width=8)
    with allowed(2):
        matrix.visit(lambda place, piece: None)
        with pytest.raises(ZeroDivisionError):
            matrix.visit(lambda place, piece: 1 / 0)
        assert torch.get_num_threads() == 2
        matrix.visit(lambda place, piece: None)


def test_distances_are_those_of_the_stored_rows_and_kept(tmp_path):
    rows = unit_rows(20)
    matrix = ScanMatrix.write(tmp_path, ids=range(20), blocks=[rows], stamp="", width=8)
    want = [np.linalg.norm(row.astype(np.float32) - matrix.mean) for row in matrix.vectors]
    np.testing.assert_allclose(matrix.distances(matrix.mean), want, rtol=1e-6)
    assert matrix.distances(matrix.mean) is matrix.distances(matrix.mean.copy())


def test_a_sample_is_a_matrix_of_rows_from_first_to_last(tmp_path):
    rows = unit_rows(5000)
    matrix = ScanMatrix.write(tmp_path, ids=range(5000), blocks=[rows], stamp="", width=8)
    sample = matrix.sample
    assert (len(sample), sample.ids[0], sample.ids[-1]) == (2000, 0, 4999)
    np.testing.assert_array_equal(sample.vectors, matrix.vectors[sample.ids])
    assert matrix.sample is sample


def test_the_distances_from_the_latest_means_only_are_kept(tmp_path):
    matrix = ScanMatrix.write(tmp_path, ids=range(20), blocks=[unit_rows(20)], stamp="", width=8)
    means = unit_rows(6, seed=3)
    kept = [matrix.distances(mean) for mean in means]
    assert matrix.distances(means[5]) is kept[5]
    assert matrix.distances(means[0]) is not kept[0]
    np.testing.assert_array_equal(matrix.distances(means[0]), kept[0])


def test_a_matrix_that_is_extended_is_the_one_that_would_have_been_written_whole(tmp_path):
    rows = unit_rows(50)
    first = ScanMatrix.write(tmp_path / "grown", ids=range(30), blocks=[rows[:30]], stamp="old", width=8)
    later = first.extended(tmp_path / "grown", ids=np.arange(30, 50), blocks=[rows[30:]], stamp="new")
    whole = ScanMatrix.write(tmp_path / "whole", ids=range(50), blocks=[rows], stamp="new", width=8)
    assert (later.stamp, later.rounding) == ("new", whole.rounding)
    for name in ("vectors", "ids", "mean"):
        np.testing.assert_array_equal(getattr(later, name), getattr(whole, name))
    np.testing.assert_allclose(later.total, whole.total, rtol=1e-15)
    assert (len(first), first.stamp) == (30, "old")
    np.testing.assert_array_equal(first.ids, np.arange(30))


def test_a_sample_is_no_matrix_to_extend(tmp_path):
    matrix = ScanMatrix.write(tmp_path, ids=range(9), blocks=[unit_rows(9)], stamp="", width=8)
    with pytest.raises(ValueError, match="a sample of a matrix cannot be extended"):
        matrix.sample.extended(tmp_path, ids=np.arange(9, 10), blocks=[unit_rows(1)], stamp="")
