"""Mutated files: each is read or set aside, in silence, in little time, and nobody's name comes out."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medneg.dicom import prepare, read
from medneg.errors import UnreadableImage
from medneg.phantom.writer import write as write_phantoms
from medneg.values import InputSpec
from tests.dicom.altering import SECRETS, read_sources
from tests.dicom.mutations import MUTATIONS, mutated

KEY = b"key"
SEED = 8
PICTURE = np.arange(64, dtype=np.uint8).reshape(8, 8)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Small phantoms in all their transfer syntaxes."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, studies=16, seed=5, rows=64, workers=0)
    return read_sources(list(folder.rglob("*.dcm")))


def outcome(path: Path) -> str:
    """All that can be seen of a file from outside: what is kept of it, or its reason."""
    try:
        radiograph = read(path, key=KEY)
    except UnreadableImage as aside:
        return aside.reason + "".join(traceback.format_exception(aside))
    picture = prepare(radiograph, InputSpec(size=32))
    assert np.isfinite(picture).all()
    assert 0 <= picture.min() <= picture.max() <= 1
    return repr({name: getattr(radiograph, name) for name in radiograph.__slots__ if name != "pixels"})


def test_a_hundred_mutated_files_are_read_or_set_aside_and_name_nobody(phantoms, tmp_path, capfd, caplog):
    outcome(tmp_path)  # the libraries are loaded before anything is timed
    files = list(mutated(phantoms, count=100, seed=SEED))
    caplog.clear()  # pydicom has spoken while it wrote them
    for name, raw in files:
        path = tmp_path / "file"
        path.write_bytes(raw)
        began = time.process_time()
        seen = outcome(path).lower().encode()
        assert time.process_time() - began < 2, name
        assert [secret for secret in SECRETS if secret in seen] == [], name
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_the_same_seed_gives_the_same_files_and_every_mutation_its_share(phantoms):
    one, other = (list(mutated(phantoms, count=60, seed=SEED)) for _ in range(2))
    assert one == other
    assert {name for told, _ in one for name in told.split()[1:]} == set(MUTATIONS)


def test_a_name_in_a_field_for_something_else_is_not_kept(write):
    path = write(
        PICTURE,
        PatientName="Zebedee^Ann",
        Manufacturer="Zebedee Ltd",
        ManufacturerModelName="Smith^John",
        ImageType=["ORIGINAL", "ANN ZEBEDEE"],
        Grid="grid, of a kind",
        KVP="120",
        ViewPosition="PA",
    )
    header = read(path, key=KEY).header
    assert {"Manufacturer", "ManufacturerModelName", "ImageType", "Grid"}.isdisjoint(header)
    assert (header["KVP"], header["ViewPosition"]) == ("120", "PA")


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"BodyPartExamined": "ZEBEDEE"}, "it shows another part of the body"),
        ({"BodyPartExamined": "Zebedee^Ann^^^Mrs"}, "it shows another part of the body"),
        ({"PhotometricInterpretation": "ZEBEDEE"}, "its picture is not grey-scale but of an unnamed kind"),
        ({"NumberOfFrames": -1}, "it does not say how many frames it holds; a radiograph has one"),
        ({"SamplesPerPixel": 3}, "its picture has 3 values per pixel; a grey-scale one has one"),
        (
            {"Modality": "ZEBEDEE", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
            "nothing in it says that it is a chest radiograph (modality unknown)",
        ),
    ],
)
def test_a_name_in_a_field_for_something_else_is_in_no_reason(write, elements, reason):
    with pytest.raises(UnreadableImage) as caught:
        read(write(PICTURE, PatientName="Zebedee^Ann", **elements), key=KEY)
    assert caught.value.reason == reason


def test_a_sequence_where_text_belongs_is_not_read_as_text(write, dataset):
    item = Dataset()
    item.PatientComments = "Zebedee"
    hostile = dataset(PICTURE, PatientID=None)
    hostile.add_new("Manufacturer", "SQ", [item])
    hostile.add_new("PatientID", "SQ", [item])
    assert "Zebedee" not in outcome(write(hostile))


class RustPanic(BaseException):
    """What pyo3 raises when Rust panics; it derives from BaseException."""


def test_a_decoder_that_panics_is_a_damaged_picture(write, monkeypatch):
    def panic(*_arguments, **_options):
        raise RustPanic

    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.as_array", panic)
    with pytest.raises(UnreadableImage, match="the compressed data are damaged"):
        read(write(PICTURE), key=KEY)


@pytest.mark.parametrize(
    "elements",
    [
        {"RescaleSlope": "1e308", "RescaleIntercept": "-1e308"},
        {"WindowCenter": "3", "WindowWidth": "1e-320", "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": "-1e308", "WindowWidth": "1e-300", "VOILUTFunction": "LINEAR_EXACT"},
    ],
)
def test_numbers_beyond_all_measure_leave_a_picture(write, elements):
    pixels = read(write(PICTURE, **elements), key=KEY).pixels
    assert (pixels.min(), pixels.max()) == pytest.approx((0, 1))
