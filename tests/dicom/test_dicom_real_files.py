"""The 55 files of the shared collection: each is read, or set aside with its reason."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import numpy as np
import pytest

from medneg.dicom import prepare, read
from medneg.errors import UnreadableImage
from medneg.values import InputSpec

KEY = b"key"
FOLDER = Path(__file__).parents[2].parent / "shared" / "real" / "dicom"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
CHEST = FOLDER / "chest"

pytestmark = pytest.mark.skipif(not FILES, reason="the shared collection of real files is not here")


@functools.cache
def chest(name):
    """One chest file, decoded once for all tests."""
    return read(next(CHEST.glob(name)), key=KEY)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """The libraries are loaded before anything is timed."""
    with pytest.raises(UnreadableImage):
        read(FOLDER, key=KEY)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}"[:60])
def test_each_file_is_read_or_set_aside_in_silence(path, capfd):
    start = time.process_time()
    try:
        prepared = prepare(read(path, key=KEY), InputSpec(size=64))
    except UnreadableImage as aside:
        said = aside.reason
    else:
        said = "" if np.isfinite(prepared).all() and prepared.std() > 0 else None
    assert said is not None
    assert said.isprintable()
    assert time.process_time() - start < 5
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", sorted(CHEST.glob("*")), ids=lambda path: path.name[:40])
def test_all_chest_files_are_searchable(path):
    radiograph = chest(path.name)
    assert radiograph.view == "PA"
    assert radiograph.modality == "CR"
    assert not radiograph.phantom


def test_the_file_without_preamble_and_meta_header_is_read():
    radiograph = chest("CR-MONO1-10-chest")
    assert radiograph.pixels.shape == (440, 440)
    assert radiograph.grey_scale == "window 550/1024 LINEAR; inverted last (MONOCHROME1)"


def test_the_monochrome1_file_and_its_twin_give_the_same_picture():
    difference = chest("Fake_MONOHR1.dcm").pixels - chest("1.2.276.*.dcm").pixels
    assert np.abs(difference).max() <= 1 / 255


def test_lossy_jpeg_2000_and_jpeg_ls_of_one_picture_agree():
    difference = chest("RG1_J2KI.dcm").pixels - chest("RG1_JLSN").pixels
    assert np.abs(difference).mean() < 1 / 255
