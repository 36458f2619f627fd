"""What is set aside, and the reason in plain words."""

from __future__ import annotations

import contextlib
import os
import zlib

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from medneg.dicom import content, read
from medneg.errors import UnreadableImage

KEY = b"key"
MPEG2 = UID("1.2.840.10008.1.2.4.100")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
PICTURE = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4


def assert_set_aside(path, reason):
    with pytest.raises(UnreadableImage, match=reason) as caught:
        read(path, key=KEY)
    assert caught.value.reason
    assert str(path.parent) not in caught.value.reason


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "it is a CT image, not a chest"),
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "it is an MR image"),
        ({"Modality": "MG", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2"}, "it is a mammogram"),
        ({"Modality": "XA", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.1"}, "it is an angiogram"),
        ({"Modality": "RF", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.2"}, "it is a fluoroscopy"),
        ({"Modality": "SR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33"}, "it is a structured report"),
        (
            {"Modality": "DX", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
            "no radiograph but “CT Image Storage”",
        ),
        ({"Modality": None, "SOPClassUID": "1.2.3.4.5"}, "an object of an unknown class"),
        (
            {"Modality": "OT", "SOPClassUID": SECONDARY_CAPTURE},
            r"nothing in it says that it is a chest radiograph \(modality OT\)",
        ),
        ({"BodyPartExamined": "HAND"}, "it shows another part of the body: HAND"),
        ({"BodyPartExamined": "B\u00e4cken"}, "it shows another part of the body"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "not grey-scale but RGB"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "not grey-scale but PALETTE COLOR"),
        ({"NumberOfFrames": 12}, "it holds 12 frames; a radiograph has one"),
        ({"Rows": 0}, "does not say how many rows and columns"),
        ({"Rows": None}, "does not say how many rows and columns"),
        (
            {"Rows": 65535, "Columns": 65535},
            "it claims 65535 x 65535 pixels; no radiograph has over 50 million",
        ),
        ({"PixelData": None}, "it has a header but no pixels"),
        ({"PixelData": b"\0" * 62}, "the file is truncated"),
        ({"BitsAllocated": 32}, "it has 32 bits per pixel; a radiograph has 8 or 16"),
        ({"TransferSyntaxUID": MPEG2, "PixelData": encapsulate([b"x"])}, "in a way that is not known here"),
    ],
)
def test_what_is_no_chest_radiograph_is_set_aside(write, elements, reason):
    assert_set_aside(write(PICTURE, **elements), reason)


@pytest.mark.parametrize(
    "elements",
    [
        {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"},
        {"Modality": "RG", "SOPClassUID": SECONDARY_CAPTURE},
        {"Modality": None, "SOPClassUID": SECONDARY_CAPTURE},
        {"Modality": "OT", "SOPClassUID": SECONDARY_CAPTURE, "BodyPartExamined": "CHEST"},
        {"BodyPartExamined": "NON GRID CHEST"},
        {"BodyPartExamined": "Thorax"},
        {"BodyPartExamined": "UNKNOWN"},
        {"NumberOfFrames": 1},
    ],
)
def test_what_may_be_a_chest_radiograph_is_read(write, elements):
    assert read(write(PICTURE, **elements), key=KEY).pixels.shape == (8, 8)


def test_the_anatomic_region_speaks_when_the_body_part_is_silent(write):
    region = Dataset()
    region.CodeMeaning = "Knee"
    assert_set_aside(write(PICTURE, AnatomicRegionSequence=[region]), "another part of the body: KNEE")


def test_a_file_without_preamble_and_meta_header_is_read(write, dataset, tmp_path):
    bare = dataset(PICTURE, TransferSyntaxUID=ImplicitVRLittleEndian)
    whole = write(bare)
    path = tmp_path / "bare"
    bare.save_as(path, enforce_file_format=False)
    body = whole.read_bytes()[132:]
    path.write_bytes(body[12 + int.from_bytes(body[8:12], "little") :])
    np.testing.assert_array_equal(read(path, key=KEY).pixels, read(whole, key=KEY).pixels)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello, this is text", "neither DICOM nor PNG nor JPEG"),
        (b"%PDF-1.7\n" + b"\0" * 200, "neither DICOM nor PNG nor JPEG"),
        (b"\0" * 400, "neither DICOM nor PNG nor JPEG"),
        (b"\0" * 128 + b"DICM", "neither DICOM nor PNG nor JPEG|cannot be read"),
        (b"\0" * 128 + b"DICM" + b"\xff" * 300, "the file is damaged|neither DICOM"),
    ],
)
def test_other_files_are_set_aside(tmp_path, start, reason):
    path = tmp_path / "chest.dcm"
    path.write_bytes(start)
    assert_set_aside(path, reason)


def test_folders_and_missing_files_are_set_aside(tmp_path):
    assert_set_aside(tmp_path, "it is not a file")
    assert_set_aside(tmp_path / "none.dcm", "it is not a file")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert_set_aside(tmp_path / "pipe", "it is not a file")


def test_a_huge_file_is_set_aside_unread(write, monkeypatch):
    monkeypatch.setattr(content, "LARGEST_FILE", 100)
    assert_set_aside(write(PICTURE), r"the file has 0 MiB; a radiograph has less than")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_set_aside(write, tmp_path, share):
    whole = write(np.arange(4096, dtype=np.uint16).reshape(64, 64)).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert_set_aside(path, "truncated|damaged|no picture|neither")


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless, RLELossless])
def test_damaged_compressed_pixels_are_set_aside_in_silence(write, syntax, capfd):
    for frame in (b"\0" * 64, b"\xff\xd8\xff\xe0\0\x10" + b"\0" * 60, b"\xff\x4f\xff\x51" + b"\0" * 60):
        path = write(PICTURE, TransferSyntaxUID=syntax, PixelData=encapsulate([frame]))
        assert_set_aside(path, "cannot be decoded|its compressed picture")
    assert capfd.readouterr() == ("", "")


def test_a_codestream_that_claims_other_dimensions_is_not_decoded(write):
    # T.800 A.5.1: SIZ with Xsiz = Ysiz = 2^31 - 1, which a decoder would allocate.
    siz = b"\xff\x4f\xff\x51\0\x29\0\0" + b"\x7f\xff\xff\xff" * 2 + b"\0" * 40
    path = write(PICTURE, TransferSyntaxUID=JPEG2000Lossless, PixelData=encapsulate([siz]))
    assert_set_aside(path, "its header says 8 x 8 pixels, its compressed picture 2147483647 x 2147483647")


def test_a_deflated_dataset_is_read(write):
    path = write(PICTURE, TransferSyntaxUID=DeflatedExplicitVRLittleEndian)
    assert read(path, key=KEY).pixels.shape == (8, 8)


def test_a_deflated_dataset_that_explodes_is_set_aside(write, monkeypatch):
    path = write(PICTURE, TransferSyntaxUID=DeflatedExplicitVRLittleEndian)
    whole = path.read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = deflater.compress(b"\0" * 2**24) + deflater.flush()
    path.write_bytes(whole[:start] + bomb)
    monkeypatch.setattr("medneg.dicom.dataset.LARGEST_INFLATED", 2**20)
    assert_set_aside(path, "grows beyond all measure")


@pytest.mark.parametrize("element", [0x02, 0x10, 0x11, 0x100, 0x101, 0x102, 0x103])
def test_an_element_of_unknown_kind_is_repaired_or_set_aside(write, element):
    path = write(PICTURE)
    tag = b"\x28\0" + element.to_bytes(2, "little")
    path.write_bytes(path.read_bytes().replace(tag + b"US", tag + b"ES"))
    with contextlib.suppress(UnreadableImage):
        assert read(path, key=KEY).pixels.shape == (8, 8)
