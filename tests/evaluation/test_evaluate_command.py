"""`medneg evaluate` over an archive: what it prints, writes and refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from medneg import cli, encoders
from medneg.archive import Archive, Label
from medneg.errors import ArchiveError
from medneg.evaluation import gallery as galleries
from medneg.evaluation import spoilt
from medneg.evaluation.archives import labelled_gallery
from medneg.scoring import METHODS
from tests.archive.new_images import new_image
from tests.evaluation.perfect import FINDINGS, Hearing, Perfect, gallery

runner = CliRunner()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Four pictures a patient, two a study; the last picture of all has no label."""
    place = tmp_path_factory.mktemp("evaluated") / "archive"
    images, labels = gallery(400)
    with Archive.open(place, create=True) as store:
        store.register(Perfect().card)
        new = [replace(new_image(number, phantom=True), vector=row) for number, row in enumerate(images)]
        store.store("perfect-image", images=new)
        store.label(
            {
                one.file.path: Label(
                    findings={
                        finding: "present" if shown else "absent"
                        for finding, shown in zip(FINDINGS, row, strict=True)
                    }
                )
                for one, row in zip(new[:-1], labels, strict=False)
            }
        )
    return str(place)


@pytest.fixture(autouse=True)
def _perfect_encoder(monkeypatch):
    """Two methods are enough here."""
    monkeypatch.setattr(encoders, "load", lambda *names: Perfect())
    monkeypatch.setattr(galleries, "METHODS", {name: METHODS[name] for name in ("cosine", "subtract")})


def test_the_gallery_is_what_is_labelled_and_knows_its_patients(archive):
    with Archive.open(archive) as store:
        images, truth = labelled_gallery(store, Perfect(), "manifest")
    assert images.shape == (399, 5)
    assert len(set(truth.patients.tolist())) == 100
    assert (truth.present == gallery(400)[1][:-1][:, [3, 2, 0, 1]]).all()


def test_evaluate_prints_the_table_and_json(archive):
    shown = runner.invoke(cli.app, ["evaluate", "--archive", archive], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    for words in ("What the encoder knows", "“A but no B”, natural wording", "subtract, raw", "bit for bit"):
        assert words in shown.output
    report = json.loads(
        runner.invoke(cli.app, ["evaluate", "--archive", archive, "--parse", "gold", "--json"]).stdout
    )
    assert report["about"]["patients"] == 100
    assert report["about"]["parse"] == "gold"


def test_models_beside_the_encoder_and_methods_can_be_named(archive, monkeypatch, tmp_path):
    towers = {None: Perfect(), "runs/a": Hearing("perfect+con2"), "runs/b": Hearing("perfect+con2")}
    monkeypatch.setattr(encoders, "load", lambda name, text=None: towers[text])
    options = ["--encoder", "perfect", "--text-encoder", "runs/a", "--text-encoder", "runs/b"]
    page = tmp_path / "page.html"
    shown = runner.invoke(
        cli.app,
        ["evaluate", "--archive", archive, *options, "--method", "cosine", "--html", str(page)],
        env={"COLUMNS": "250"},
    )
    for words in ("cosine, raw (con2)", "minus the base's by the same method", "mean, runs/b"):
        assert words in shown.output
    assert "beside it con2, runs/b" in page.read_text(encoding="utf-8")
    assert "subtract" not in shown.output


def test_corrupted_questions_are_a_preset(archive, monkeypatch):
    monkeypatch.setattr(spoilt, "MOST", {"affirmed": 2, "negated": 2, "exclusion": 2})
    options = ["--preset", "corruption", "--method", "cosine", "--method", "subtract"]
    shown = runner.invoke(cli.app, ["evaluate", "--archive", archive, *options], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    for words in ("severity 5", "What is recovered", "swapped-letters", "read as meant"):
        assert words in shown.output


def test_labels_from_elsewhere_are_asked_for(archive):
    with (
        Archive.open(archive) as store,
        pytest.raises(ArchiveError, match="no image of the archive has findi"),
    ):
        labelled_gallery(store, Perfect(), "report")
