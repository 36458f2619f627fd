"""Secondary captures that are negatives are turned round; nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from medneg.dicom import read
from medneg.dicom.polarity import evidence, is_negative

KEY = b"key"
SECONDARY_CAPTURE = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "ViewPosition": "PA", "Modality": "CR"}


def chest(rows=96, columns=80):
    """A caricature with bone bright: dark lungs and corners, bright middle and abdomen."""
    picture = np.full((rows, columns), 120, np.uint8)
    down, across = np.mgrid[0:rows, 0:columns] / np.array([[[rows]], [[columns]]])
    for centre in (0.28, 0.72):
        picture[((across - centre) / 0.14) ** 2 + ((down - 0.42) / 0.26) ** 2 < 1] = 40
    picture[abs(across - 0.5) < 0.08] = 220
    picture[down > 0.75] = 200
    picture[(down < 0.12) & (abs(across - 0.5) > 0.3)] = 5
    return picture


def test_evidence_of_a_negative_is_the_opposite():
    upright = chest().astype(np.float32) / 255
    assert evidence(upright) > 1
    assert evidence(1 - upright) == pytest.approx(-evidence(upright), abs=1e-4)
    assert is_negative(1 - upright)
    assert not is_negative(upright)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 5)])
def test_tiny_and_blank_pictures_give_no_verdict(shape):
    assert not is_negative(np.zeros(shape, np.float32))


def test_a_secondary_capture_with_a_wrong_tag_looks_like_its_twin(write):
    twin = read(write(chest(), **SECONDARY_CAPTURE), key=KEY)
    wrong = read(write(chest(), PhotometricInterpretation="MONOCHROME1", **SECONDARY_CAPTURE), key=KEY)
    np.testing.assert_array_equal(wrong.pixels, twin.pixels)
    assert wrong.grey_scale.endswith("not inverted although MONOCHROME1: bone is bright as stored")


def test_a_negative_that_claims_to_be_none_is_turned_round(write):
    twin = read(write(chest(), **SECONDARY_CAPTURE), key=KEY)
    wrong = read(write(255 - chest(), **SECONDARY_CAPTURE), key=KEY)
    np.testing.assert_allclose(wrong.pixels, twin.pixels, atol=1e-6)
    assert wrong.grey_scale.endswith("inverted last although MONOCHROME2: bone is dark as stored")


def test_a_right_tag_is_obeyed(write):
    twin = read(write(chest(), **SECONDARY_CAPTURE), key=KEY)
    right = read(write(255 - chest(), PhotometricInterpretation="MONOCHROME1", **SECONDARY_CAPTURE), key=KEY)
    np.testing.assert_allclose(right.pixels, twin.pixels, atol=1e-6)
    assert right.grey_scale.endswith("inverted last (MONOCHROME1)")


@pytest.mark.parametrize(
    "elements", [{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"}, {"ViewPosition": "LL"}, {"ViewPosition": ""}]
)
def test_other_objects_and_views_are_believed(write, elements):
    path = write(chest(), PhotometricInterpretation="MONOCHROME1", **(SECONDARY_CAPTURE | elements))
    assert read(path, key=KEY).grey_scale.endswith("inverted last (MONOCHROME1)")
