"""From a radiograph to an encoder's square."""

from __future__ import annotations

import numpy as np
import pytest

from medneg.dicom import prepare
from medneg.values import GREY_SCALE_CHAIN, InputSpec, Radiograph


def radiograph(pixels):
    return Radiograph(pixels=np.asarray(pixels, dtype=np.float32), patient="p", study="s", image="i")


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "area"])
@pytest.mark.parametrize("shape", [(512, 512), (300, 512), (512, 300), (20, 30), (1, 7)])
def test_result_is_a_square_of_greys(interpolation, shape):
    noise = np.random.default_rng(0).random(shape)
    prepared = prepare(radiograph(noise), InputSpec(size=64, interpolation=interpolation))
    assert prepared.shape == (64, 64)
    assert prepared.dtype == np.float32
    assert 0 <= prepared.min() <= prepared.max() <= 1


def test_a_picture_of_the_right_size_is_left_alone():
    noise = np.random.default_rng(0).random((32, 32))
    np.testing.assert_allclose(prepare(radiograph(noise), InputSpec(size=32)), noise, atol=1e-6)


@pytest.mark.parametrize(("shape", "filled"), [((40, 20), np.s_[:, 5:15]), ((20, 40), np.s_[5:15, :])])
def test_the_aspect_is_kept_and_the_rest_is_black(shape, filled):
    prepared = prepare(radiograph(np.ones(shape)), InputSpec(size=20))
    expected = np.zeros((20, 20))
    expected[filled] = 1
    np.testing.assert_allclose(prepared, expected, atol=1e-6)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "area"])
def test_strong_reduction_averages_instead_of_skipping(interpolation):
    checkerboard = np.indices((512, 512)).sum(axis=0) % 2
    prepared = prepare(radiograph(checkerboard), InputSpec(size=32, interpolation=interpolation))
    np.testing.assert_allclose(prepared, 0.5, atol=0.02)


def test_area_reduction_by_a_whole_number_is_the_mean_of_blocks():
    noise = np.random.default_rng(0).random((64, 64))
    prepared = prepare(radiograph(noise), InputSpec(size=16, interpolation="area"))
    np.testing.assert_allclose(prepared, noise.reshape(16, 4, 16, 4).mean(axis=(1, 3)), atol=1e-6)


def test_up_stays_up_and_left_stays_left():
    corner = np.zeros((64, 64))
    corner[:16, :32] = 1
    prepared = prepare(radiograph(corner), InputSpec(size=16))
    assert prepared[1, 1] > 0.9
    assert prepared[1, 14] < 0.1
    assert prepared[14, 1] < 0.1
    assert prepared[6, 1] < 0.1


def test_the_radiograph_is_not_changed():
    original = np.random.default_rng(0).random((32, 48)).astype(np.float32)
    given = radiograph(original.copy())
    prepare(given, InputSpec(size=16))
    np.testing.assert_array_equal(given.pixels, original)


def test_another_grey_scale_chain_is_refused():
    with pytest.raises(ValueError, match=f"grey-scale chain '{GREY_SCALE_CHAIN}'; the input asks for 'old'"):
        prepare(radiograph(np.eye(4)), InputSpec(size=4, chain="old"))
