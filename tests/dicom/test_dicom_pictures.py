"""PNG and JPEG files, told by their content."""

from __future__ import annotations

import hashlib
import zlib

import numpy as np
import pytest
from PIL import Image

from medneg.dicom import pseudonym, read
from medneg.errors import UnreadableImage

KEY = b"key"
RAMP = np.arange(64, dtype=np.uint8).reshape(4, 16) * 4


@pytest.fixture
def save(tmp_path):
    """Save an array with a name that says nothing of its kind."""

    def _save(array, kind, **options):
        path = tmp_path / "picture.dcm"
        Image.fromarray(array).save(path, format=kind, **options)
        return path

    return _save


def test_eight_bits_are_taken_as_they_are(save):
    radiograph = read(save(RAMP, "PNG"), key=KEY)
    np.testing.assert_allclose(radiograph.pixels, RAMP / 255, atol=1e-6)
    assert radiograph.grey_scale == "8 bits as they are"
    assert radiograph.header["Format"] == "PNG"


def test_sixteen_bits_get_a_percentile_window(save):
    deep = np.linspace(1000, 4000, 64).astype(np.uint16).reshape(4, 16)
    radiograph = read(save(deep, "PNG"), key=KEY)
    np.testing.assert_allclose(radiograph.pixels, (deep - 1000) / 3000, atol=1e-6)
    assert radiograph.grey_scale == "percentile window 1-99 %"


def test_a_jpeg_is_read(save):
    smooth = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    pixels = read(save(smooth, "JPEG", quality=95), key=KEY).pixels
    np.testing.assert_allclose(pixels, smooth / 255, atol=0.03)


def test_grey_in_three_channels_becomes_one(save):
    pixels = read(save(np.stack([RAMP] * 3, axis=2), "PNG"), key=KEY).pixels
    np.testing.assert_allclose(pixels, RAMP / 255, atol=1e-6)


def test_transparency_does_not_count(save):
    with_alpha = np.stack([RAMP, RAMP, RAMP, np.full_like(RAMP, 9)], axis=2)
    np.testing.assert_allclose(read(save(with_alpha, "PNG"), key=KEY).pixels, RAMP / 255, atol=1e-6)


def test_a_colour_picture_is_set_aside(save):
    colourful = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    with pytest.raises(UnreadableImage, match="it is a colour picture"):
        read(save(colourful, "PNG"), key=KEY)


def test_a_blank_picture_is_set_aside(save):
    with pytest.raises(UnreadableImage, match="all its pixels have the same value"):
        read(save(np.full((8, 8), 9, np.uint8), "PNG"), key=KEY)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_truncated_picture_is_set_aside(save, kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    path = save(noise, kind)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        read(path, key=KEY)


@pytest.mark.parametrize("side", [8000, 12000, 60000])
def test_a_picture_of_absurd_size_is_not_decoded(save, side):
    path = save(RAMP, "PNG")
    data = bytearray(path.read_bytes())
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match=r"it claims .* pixels"):
        read(path, key=KEY)


def test_its_pseudonyms_come_from_its_content(save):
    path = save(RAMP, "PNG")
    expected = pseudonym(KEY, hashlib.sha256(path.read_bytes()).hexdigest())
    radiograph = read(path, key=KEY)
    assert (radiograph.patient, radiograph.study, radiograph.image) == (expected,) * 3
    assert radiograph.view is radiograph.sex is radiograph.age is radiograph.modality is None
