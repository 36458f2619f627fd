"""`medneg calibrate` and `--exclude-risk` as people type them, with an encoder that needs no weights."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from medneg import cli, encoders
from medneg.archive import Archive
from medneg.errors import PromiseError
from tests.calibration.noisy_archive import NoisyEncoder, fill, truth

runner = CliRunner()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films") / "a"
    with Archive.open(folder, create=True) as store:
        fill(store, NoisyEncoder(), truth(600), labelled=np.arange(600) % 3 > 0)
    return str(folder)


@pytest.fixture(autouse=True)
def _noisy_encoder(monkeypatch):
    monkeypatch.setattr(encoders, "load", lambda *names: NoisyEncoder())
    monkeypatch.setenv("COLUMNS", "200")


def run(*command):
    done = runner.invoke(cli.app, command)
    return done.exception if done.exception is not None else done.stdout


def test_calibrate_prints_a_line_for_each_finding_with_a_curve(archive):
    shown = run("calibrate", "--archive", archive)
    assert "noisy over 600 images (raw space)" in shown
    for column in ("present", "absent", "AUC", "ECE", "isotonic"):
        assert column in shown
    assert "pulmonary_edema" in shown
    assert "no diagnosis" in shown


def test_calibrate_prints_json(archive):
    found = json.loads(run("calibrate", "--archive", archive, "--json"))
    assert (found["encoder"], found["images"]) == ("noisy", 600)
    (edema,) = (
        row for row in found["findings"] if (row["finding"], row["space"]) == ("pulmonary_edema", "raw")
    )
    assert edema["present"] + edema["absent"] == 400
    assert edema["slope"] > 0
    assert 0 <= edema["error"] < 0.1


def test_a_promised_search_says_how_many_images_remain_and_shows_probabilities(archive):
    run("calibrate", "--archive", archive)
    shown = run("search", "no edema", "--archive", archive, "--exclude-risk", "0.1")
    assert "of 600 images remain. Of the" in shown
    assert "at most 10.0% carry pulmonary edema, with 95% confidence" in shown
    answer = json.loads(run("search", "no edema", "--archive", archive, "--exclude-risk", "0.1", "--json"))
    assert answer["promise"]["remaining"] == answer["considered"]
    assert answer["hits"][0]["terms"][0]["probability"] < 0.1


def test_plain_clip_beside_it_is_not_promised(archive):
    run("calibrate", "--archive", archive)
    command = ("search", "no edema", "--archive", archive, "--exclude-risk", "0.1", "--compare", "--json")
    plain, ours = json.loads(run(*command))
    assert plain["promise"] is None
    assert ours["promise"]["risk"] == 0.1


def test_a_refusal_is_a_foreseen_error(archive):
    refused = run("search", "edema", "--archive", archive, "--exclude-risk", "0.1")
    assert isinstance(refused, PromiseError)
