"""The grey-scale chain, branch by branch, with exact pixel values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from medneg.dicom import read
from medneg.errors import UnreadableImage

KEY = b"key"


def pixels_of(path):
    return read(path, key=KEY).pixels


def steps_of(path):
    return read(path, key=KEY).grey_scale


def row(*values, dtype=np.uint16):
    return np.array([values], dtype=dtype)


def assert_greys(path, *greys):
    np.testing.assert_allclose(pixels_of(path), [greys], atol=1e-6)


def test_rows_and_columns_stay_where_they_are(write):
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3) * 51
    path = write(picture, WindowCenter=127.5, WindowWidth=255, VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_allclose(pixels_of(path), picture / 255, atol=1e-6)


def test_pixels_are_float32(write):
    assert pixels_of(write(row(0, 1))).dtype == np.float32


def test_linear_window_follows_the_standards_formula(write):
    # C.11.2.1.2.1 with c=2048, w=4096: 0 maps to (0 - 2047.5) / 4095 + 0.5 = 0, 4095 to 1.
    path = write(row(0, 1, 2048, 4095), BitsStored=12, WindowCenter=2048, WindowWidth=4096)
    assert_greys(path, 0, 1 / 4095, 2048 / 4095, 1)
    assert steps_of(path) == "window 2048/4096 LINEAR"


def test_linear_window_of_width_one_is_a_threshold(write):
    assert_greys(write(row(9, 10, 11), WindowCenter=10, WindowWidth=1), 0, 1, 1)


def test_linear_exact_window_follows_the_standards_formula(write):
    path = write(row(5, 10, 12, 15), WindowCenter=10, WindowWidth=8, VOILUTFunction="LINEAR_EXACT")
    assert_greys(path, 0, 0.5, 0.75, 1)


def test_sigmoid_window_follows_the_standards_formula(write):
    path = write(row(0, 10, 14), WindowCenter=10, WindowWidth=8, VOILUTFunction="SIGMOID")
    assert_greys(path, *(1 / (1 + math.exp(-4 * (x - 10) / 8)) for x in (0, 10, 14)))


def test_first_of_several_windows_counts(write):
    path = write(row(0, 5, 10), WindowCenter=[5.5, 500], WindowWidth=[11, 1000])
    assert_greys(path, 0, 0.5, 1)


@pytest.mark.parametrize(
    ("center", "width", "function"),
    [(5, 0, None), (5, -10, None), (5, 0, "SIGMOID"), (5, 0.5, "LINEAR"), (60000, 10, None)],
)
def test_a_window_that_cannot_be_meant_gives_way_to_percentiles(write, center, width, function):
    path = write(row(0, 5, 10), WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    assert_greys(path, 0, 0.5, 1)
    assert steps_of(path) == "percentile window 1-99 %"


def test_percentile_window_leaves_outliers_beyond_its_ends(write):
    ramp = np.tile(np.arange(100, 200, dtype=np.uint16), (10, 1))
    ramp[0, 0], ramp[0, 1] = 0, 60000
    shown = pixels_of(write(ramp))
    assert shown[0, 0] == 0
    assert shown[0, 1] == 1
    np.testing.assert_allclose(shown[5, [1, 50, 98]], [0, 49 / 97, 1], atol=0.02)


def test_percentile_window_of_a_negative_is_the_same(write):
    generator = np.random.default_rng(0)
    picture = generator.gamma(2.0, 300.0, (40, 40)).clip(0, 4095).astype(np.uint16)
    twin = write(4095 - picture, BitsStored=12, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(pixels_of(write(picture, BitsStored=12)), pixels_of(twin), atol=1e-6)


def test_two_greys_are_a_picture_however_rare_the_second(write):
    picture = np.zeros((50, 50), dtype=np.uint16)
    picture[0, 0] = 7
    assert pixels_of(write(picture)).max() == 1


def test_rescale_comes_before_the_window(write):
    path = write(row(0, 1, 2), RescaleSlope=2, RescaleIntercept=-2, WindowCenter=0.5, WindowWidth=5)
    assert_greys(path, 0, 0.5, 1)
    assert steps_of(path) == "modality rescale; window 0.5/5 LINEAR"


def test_a_slope_of_zero_is_ignored(write):
    path = write(row(0, 1, 2), RescaleSlope=0, RescaleIntercept=0, WindowCenter=1.5, WindowWidth=3)
    assert_greys(path, 0, 0.5, 1)


def test_modality_lut_comes_first_and_clamps(write, lut):
    item = lut([3, 10, 16], np.array([0, 500, 1000], "<u2").tobytes())
    path = write(
        row(0, 10, 11, 12, 99),
        ModalityLUTSequence=[item],
        RescaleSlope=7,
        RescaleIntercept=7,
        WindowCenter=500,
        WindowWidth=1000,
        VOILUTFunction="LINEAR_EXACT",
    )
    assert_greys(path, 0, 0, 0.5, 1, 1)
    assert steps_of(path) == "modality LUT sequence; window 500/1000 LINEAR_EXACT"


def test_voi_lut_sequence_is_preferred_to_a_window(write, lut):
    item = lut([3, 1, 16], np.array([0, 65535, 13107], "<u2").tobytes())
    path = write(row(0, 1, 2, 3, 4), VOILUTSequence=[item], WindowCenter=2, WindowWidth=4)
    assert_greys(path, 0, 0, 1, 0.2, 0.2)
    assert steps_of(path) == "VOI LUT sequence"


def test_voi_lut_follows_the_modality_lut(write, lut):
    item = lut([2, 100, 8], bytes([0, 255]))
    path = write(row(0, 1), RescaleSlope=1, RescaleIntercept=100, VOILUTSequence=[item])
    assert_greys(path, 0, 1)
    assert steps_of(path) == "modality rescale; VOI LUT sequence"


@pytest.mark.parametrize("bits", [8, 16])
def test_eight_bit_entries_are_read_packed_or_in_words(write, lut, bits):
    entries = [0, 51, 102, 255]
    data = bytes(entries) if bits == 8 else np.array(entries, "<u2").tobytes()
    assert_greys(write(row(0, 1, 2, 3), VOILUTSequence=[lut([4, 0, 8], data)]), 0, 0.2, 0.4, 1)


def test_a_lut_whose_entries_exceed_its_declared_depth_keeps_its_range(write, lut):
    item = lut([2, 0, 8], np.array([0, 4095], "<u2").tobytes())
    assert_greys(write(row(0, 1), VOILUTSequence=[item]), 0, 1)


def test_a_lut_that_declares_more_bits_than_it_uses_is_not_dark(write, lut):
    item = lut([2, 0, 16], np.array([0, 4095], "<u2").tobytes())
    assert_greys(write(row(0, 1), VOILUTSequence=[item]), 0, 1)


def test_a_descriptor_of_zero_entries_means_65536(write, lut):
    item = lut([0, 0, 16], np.arange(65536, dtype="<u2").tobytes())
    assert_greys(write(row(0, 65535), VOILUTSequence=[item]), 0, 1)


def test_a_lut_with_fewer_entries_than_declared_ends_with_its_last(write, lut):
    item = lut([9, 0, 16], np.array([0, 65535], "<u2").tobytes())
    assert_greys(write(row(0, 1, 5), VOILUTSequence=[item]), 0, 1, 1)


def test_the_first_mapped_value_is_negative_for_signed_pixels_only(write, lut):
    data = np.array([0, 65535], "<u2").tobytes()
    signed = write(row(-3, -2, -1, dtype=np.int16), VOILUTSequence=[lut([2, 65534, 16], data)])
    assert_greys(signed, 0, 0, 1)
    unsigned = write(row(65533, 65534, 65535), VOILUTSequence=[lut([2, -2, 16], data, first_vr="SS")])
    assert_greys(unsigned, 0, 0, 1)


def test_an_empty_lut_gives_way_to_the_window(write, lut):
    path = write(row(0, 5, 10), VOILUTSequence=[lut([4, 0, 16], b"")], WindowCenter=5, WindowWidth=11)
    assert steps_of(path) == "window 5/11 LINEAR"


def test_signed_pixels_are_read_as_such(write):
    path = write(row(-100, 0, 100, dtype=np.int16), WindowCenter=0.5, WindowWidth=201)
    assert_greys(path, 0, 0.5, 1)


def test_bits_above_the_stored_ones_do_not_count(write):
    garbage = row(0x0000, 0xF800, 0x7FFF)
    path = write(garbage, BitsStored=12, WindowCenter=2048, WindowWidth=4096)
    assert_greys(path, 0, 0x800 / 4095, 1)


def test_signed_values_of_twelve_bits_are_extended(write):
    stored = row(0x0800, 0xF000, 0x07FF)  # -2048, 0 under garbage, 2047
    path = write(stored, BitsStored=12, PixelRepresentation=1, WindowCenter=0, WindowWidth=4096)
    assert_greys(path, 0, 2048 / 4095, 1)


def test_values_that_lie_in_the_upper_bits_are_moved_down(write):
    path = write(row(0x000F, 0x8000, 0xFFF0), BitsStored=12, HighBit=15, WindowCenter=2048, WindowWidth=4096)
    assert_greys(path, 0, 0x800 / 4095, 1)


def test_big_endian_pixels_are_read(write):
    path = write(
        row(0, 2048, 4095, dtype=">u2"),
        TransferSyntaxUID="1.2.840.10008.1.2.2",
        BitsStored=12,
        WindowCenter=2048,
        WindowWidth=4096,
    )
    assert_greys(path, 0, 2048 / 4095, 1)


def test_monochrome1_is_inverted_after_the_window(write):
    path = write(row(0, 1, 4), PhotometricInterpretation="MONOCHROME1", WindowCenter=2.5, WindowWidth=5)
    assert_greys(path, 1, 0.75, 0)
    assert steps_of(path) == "window 2.5/5 LINEAR; inverted last (MONOCHROME1)"


def test_monochrome1_is_inverted_after_the_voi_lut(write, lut):
    item = lut([3, 0, 8], bytes([0, 51, 255, 0]))
    path = write(row(0, 1, 2), VOILUTSequence=[item], PhotometricInterpretation="MONOCHROME1")
    assert_greys(path, 1, 0.8, 0)
    assert steps_of(path) == "VOI LUT sequence; inverted last (MONOCHROME1)"


def test_inverse_presentation_lut_shape_inverts(write):
    path = write(row(0, 4), PresentationLUTShape="INVERSE", WindowCenter=2.5, WindowWidth=5)
    assert_greys(path, 1, 0)
    assert steps_of(path) == "window 2.5/5 LINEAR; inverted last (presentation LUT shape INVERSE)"


def test_monochrome1_with_an_inverse_shape_is_inverted_once(write):
    path = write(
        row(0, 4),
        PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="INVERSE",
        WindowCenter=2.5,
        WindowWidth=5,
    )
    assert_greys(path, 1, 0)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_counts_in_no_percentile(write, photometric):
    path = write(row(65535, 65535, 10, 20), PixelPaddingValue=65535, PhotometricInterpretation=photometric)
    shown = pixels_of(path)[0]
    assert shown[:2].tolist() == [0, 0]
    assert sorted(shown[2:].tolist()) == [0, 1]
    assert "padding black" in steps_of(path)


def test_padding_may_be_a_range_and_negative(write):
    path = write(
        row(-2000, -1999, -1990, 0, 10, dtype=np.int16), PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1990
    )
    assert_greys(path, 0, 0, 0, 0, 1)


def test_a_blank_picture_is_set_aside(write):
    with pytest.raises(UnreadableImage, match="all its pixels have the same value"):
        read(write(np.full((4, 4), 7, np.uint16)), key=KEY)


def _by_definition(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """The slow twin: pydicom's float functions in the standard's order, to [0, 1]."""
    voi = apply_voi_lut(apply_modality_lut(stored, dataset), dataset)
    if "VOILUTSequence" in dataset:
        grey = voi / (2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1)
    else:
        # pydicom's windows fill the range that the modality LUT can give.
        ends = np.array([0, 2**dataset.BitsStored - 1]) - dataset.PixelRepresentation * 2 ** (
            dataset.BitsStored - 1
        )
        low, high = apply_modality_lut(ends, dataset)
        grey = (voi - low) / (high - low)
    return 1 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", "LUT"])
@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_matches_the_definition(write, dataset, lut, bits, function, photometric):
    generator = np.random.default_rng(bits)
    dtype = np.uint8 if bits == 8 else np.uint16
    picture = generator.integers(0, 2**bits, (16, 12)).astype(dtype)
    header = dataset(
        picture,
        BitsStored=bits,
        PhotometricInterpretation=photometric,
        RescaleSlope=1.5,
        RescaleIntercept=-20,
        WindowCenter=2**bits * 0.7,
        WindowWidth=2**bits * 0.8,
        VOILUTFunction=None if function == "LUT" else function,
    )
    if function == "LUT":
        curve = (np.linspace(0, 1, 2**bits) ** 2 * 65535).astype("<u2")
        header.VOILUTSequence = [lut([len(curve) % 65536, 0, 16], curve.tobytes())]
        del header.RescaleSlope, header.RescaleIntercept
    path = write(header)
    np.testing.assert_allclose(pixels_of(path), _by_definition(header, picture), atol=1e-5)
