"""Small parts of small pictures, drawn once for all tests of the trainers."""

from __future__ import annotations

import shutil

import pytest

from finetune.pictures import write_part


@pytest.fixture(scope="package", autouse=True)
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("finetune.pictures.PART", 8)
        patch.setattr("finetune.batches.PART", 8)
        yield


@pytest.fixture(scope="package")
def drawn_once(small_parts, tmp_path_factory):
    """pictures/, two parts with twins, and valid/, one part without, 64 pixels each."""
    folder = tmp_path_factory.mktemp("drawn")
    for part in range(2):
        write_part(folder / "pictures", 4, part, 64, frontal=True)
    write_part(folder / "valid", 2, 0, 64, frontal=True, twins=False)
    return folder


@pytest.fixture
def drawn(drawn_once, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(drawn_once, tmp_path / "drawn")
