"""Prepared pictures: the archive's own files, read once, and refused when they are gone or changed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from finetune.application import TrainingError
from finetune.embedded import read_embedded
from finetune.prepared import with_pictures
from medneg import cli
from medneg.archive import Archive
from medneg.encoders.registry import load_alone
from tests.encoders import tiny_checkpoints as tiny


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return load_alone(f"local:{tiny.write_clip(tmp_path_factory.mktemp('base'))}")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    command = ["phantom", str(folder), "--studies", "4", "--rows", "64", "--workers", "0"]
    assert CliRunner().invoke(cli.app, command).exit_code == 0
    return folder


@pytest.fixture
def files(drawn, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(drawn, tmp_path / "phantoms")


@pytest.fixture
def archive(files, encoder, tmp_path):
    place = ["--archive", str(tmp_path / "a"), "--encoder", encoder.card.name, "--workers", "0"]
    assert CliRunner().invoke(cli.app, ["ingest", str(files), *place]).exit_code == 0
    with Archive.open(tmp_path / "a") as store:
        yield store


def pixels(archive, encoder, folder):
    known = read_embedded(archive, encoder)
    return with_pictures(known, archive, encoder.card.input, folder, workers=0)


def test_pixels_give_the_embeddings_that_the_archive_keeps(archive, encoder, tmp_path):
    known = pixels(archive, encoder, tmp_path / "run")
    assert known.pixels.dtype == np.uint8
    seen = encoder.encode_images(known.pixels.astype(np.float32) / 255)
    np.testing.assert_allclose(seen, known.vectors, atol=0.02)
    some = known.rows(np.array([1, 0]))
    assert (some.pixels[0] == known.pixels[1]).all()
    assert some.ids.tolist() == known.ids[[1, 0]].tolist()


def test_they_are_read_once(archive, encoder, files, tmp_path):
    first = pixels(archive, encoder, tmp_path / "run")
    shutil.rmtree(files)
    again = pixels(archive, encoder, tmp_path / "run")
    assert (again.pixels == first.pixels).all()
    assert len(list((tmp_path / "run").iterdir())) == 1


def test_a_file_that_is_gone_is_refused_with_the_reason(archive, encoder, files, tmp_path):
    next(files.rglob("*.dcm")).unlink()
    with pytest.raises(TrainingError, match=r"\.dcm does not give them: it cannot be opened: No such file"):
        pixels(archive, encoder, tmp_path / "run")


def test_a_file_with_another_content_is_refused(archive, encoder, files, tmp_path):
    one, other = sorted(files.rglob("*.dcm"))[:2]
    shutil.copyfile(other, one)
    with pytest.raises(TrainingError, match="it holds something else than when it was ingested"):
        pixels(archive, encoder, tmp_path / "run")


def test_images_without_an_archive_have_no_pixels(archive, encoder, tmp_path):
    from dataclasses import replace

    nowhere = replace(read_embedded(archive, encoder), ids=None)
    with pytest.raises(ValueError, match="these images come from no archive"):
        with_pictures(nowhere, archive, encoder.card.input, tmp_path)
