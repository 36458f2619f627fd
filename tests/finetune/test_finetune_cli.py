"""Every command of `medneg-finetune`, as people type it: a small archive, a tiny CLIPModel as its base."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from typer.testing import CliRunner

from finetune.application import TrainingError
from finetune.cli import app
from finetune.tuning import Tuning
from medneg import cli, encoders
from medneg.archive import Archive
from medneg.encoders.text_towers import read_text_tower
from tests.encoders import tiny_checkpoints as tiny

runner = CliRunner()
SMALL = ["--images", "24", "--epochs", "1", "--batch", "8", "--distill", "1"]
TUNED = ["--findings", "effusion,pneumothorax", *SMALL]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """base/ and archive/, of drawings that are kept beside them."""
    folder = tmp_path_factory.mktemp("made")
    tiny.write_clip(folder / "base")
    drawn = ["phantom", str(folder / "phantoms"), "--studies", "60", "--rows", "64", "--workers", "0"]
    told = ["ingest", str(folder / "phantoms"), "--archive", str(folder / "archive"), "--workers", "0"]
    for command in ([*drawn, "--company", "independent"], [*told, "--encoder", f"local:{folder / 'base'}"]):
        done = runner.invoke(cli.app, command)
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def place(made):
    return ["--archive", str(made / "archive"), "--encoder", f"local:{made / 'base'}"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("finetune.tuning_steps.PROMPTS", 12)
    monkeypatch.setattr("finetune.reproducing.TEST", 8)
    monkeypatch.setattr("finetune.prompt_figures.APART", 25)
    encoders.load.cache_clear()
    yield
    torch.set_num_threads(1)


def run(*command: str) -> str:
    done = runner.invoke(app, list(command))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.mark.parametrize("method", ["con1", "con2", "label-aware"])
def test_a_tower_is_tuned_kept_with_its_command_and_found_by_the_folder_of_the_run(place, tmp_path, method):
    out = run(method, *place, *TUNED, "--out", str(tmp_path / "run"))
    assert f"the text tower is in {tmp_path / 'run' / 'text_tower'}" in out
    assert "medneg-finetune" in read_text_tower(tmp_path / "run" / "text_tower").lineage[-1]
    recipe = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (recipe["method"], recipe["findings"]) == (method, ["effusion", "pneumothorax"])
    tuned = encoders.load(place[-1], str(tmp_path / "run"))
    assert tuned.card.image_fingerprint == encoders.load(place[-1]).card.image_fingerprint


def test_the_same_command_again_goes_on_and_another_is_refused(place, tmp_path):
    command = ["con1", *place, *TUNED, "--out", str(tmp_path / "run")]
    run(*command)
    state = (tmp_path / "run" / "metrics.jsonl").read_text()
    run(*command)
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == state
    refused = runner.invoke(app, [*command, "--seed", "1"])
    assert isinstance(refused.exception, TrainingError)
    assert "seed 0, not 1" in str(refused.exception)


def test_an_interrupt_saves_and_says_how_to_go_on(place, tmp_path, monkeypatch):
    def interrupted(self, watched, **options):
        self.save()
        raise KeyboardInterrupt

    monkeypatch.setattr(Tuning, "run", interrupted)
    done = runner.invoke(app, ["con1", *place, *TUNED, "--out", str(tmp_path / "run")])
    assert done.exit_code == 130
    assert "stopped and saved; run the same command again to go on" in done.stderr
    assert (tmp_path / "run" / "state.pt").is_file()


def test_an_unfrozen_encoder_embeds_the_archive_again_and_searches_it(made, place, tmp_path):
    shutil.copytree(made / "archive", tmp_path / "archive")
    out = run("con2", *place, *TUNED, "--unfreeze-image", "--out", str(tmp_path / "run"))
    name = f"local:{tmp_path / 'run'}"
    assert "every archive must be embedded again before it is searched" in out
    assert f"medneg ingest … --archive … --encoder {name}" in out
    old, new = encoders.load(place[-1]).card, encoders.load(name).card
    assert old.image_fingerprint != new.image_fingerprint
    here = ["--archive", str(tmp_path / "archive"), "--encoder", name]
    refused = runner.invoke(cli.app, ["search", "no effusion", *here])
    assert refused.exit_code == 1
    again = runner.invoke(cli.app, ["ingest", str(made / "phantoms"), *here, "--workers", "0"])
    assert again.exit_code == 0, again.output
    with Archive.open(tmp_path / "archive") as store:
        assert {row.image_fingerprint for row in store.spaces() if row.count} == {
            old.image_fingerprint, new.image_fingerprint,
        }  # fmt: skip
    assert runner.invoke(cli.app, ["search", "no effusion", *here]).exit_code == 0


@pytest.mark.slow
def test_reproduce_prints_and_keeps_its_table(place, tmp_path):
    few = ["--images", "8", "--seeds", "2", "--finding", "effusion", "--unfreeze-image"]
    out = run("reproduce", *place, *few, "--out", str(tmp_path / "rep"))
    table = json.loads((tmp_path / "rep" / "table.json").read_text())
    assert list(table["rows"]) == ["base", "con1", "con2", "con2-unfrozen"]
    assert list(table["gained"]) == ["con1", "con2", "con2-unfrozen"]
    assert table["rows"]["con2"]["share of the negation"]["n"] == 2
    assert "pleural_effusion, 8 images, 2 seeds" in out


def test_study_prints_and_keeps_its_table(place, tmp_path):
    few = ["--images", "16", "--batch", "8", "--seeds", "1", "--out", str(tmp_path / "study")]
    out = run("study", *place, *few, "--rows", "con1,con2-0.5,con2-half,con2-unfrozen")
    table = json.loads((tmp_path / "study" / "study.json").read_text())
    assert list(table["rows"]) == ["base", "con1", "con2-0.5", "con2-half", "con2-unfrozen"]
    assert set(table["compared"]) == {
        "CON2 against CON1", "all findings against half", "image tower unfrozen against frozen",
    }  # fmt: skip
    assert "runs: base 1, con1 1, con2-0.5 1, con2-half 1, con2-unfrozen 1" in out
    frozen, base = (table["rows"][row]["AUC of the image tower"] for row in ("con2-0.5", "base"))
    assert frozen == base
    unknown = runner.invoke(app, ["study", *place, *few, "--rows", "con3"])
    assert "there is no row 'con3'; choose from con1, con2-0" in str(unknown.exception)


def test_listen_tells_of_every_set_of_wordings(place):
    out = run("listen", *place, "--carriers")
    assert "listed" in out
    assert "CON2, natural" in out


@pytest.mark.slow
def test_a_model_is_trained_refitted_and_measured(tmp_path, monkeypatch):
    from finetune.wordpieces import corpus

    monkeypatch.setattr("finetune.pretrain.corpus", lambda seed: corpus(seed, captions=200))
    monkeypatch.setattr("finetune.cli.VALIDATION", 64)
    monkeypatch.setattr("finetune.pictures.PART", 64)
    monkeypatch.setattr("finetune.batches.PART", 64)
    small = ["--pictures", "64", "--presentations", "64", "--size", "64", "--workers", "1"]
    out = run("pretrain", "--out", str(tmp_path / "run"), *small)
    assert f"the model is in {tmp_path / 'run' / 'model'}" in out
    shutil.copyfile(tmp_path / "run" / "state.pt", tmp_path / "earlier.pt")
    again = ["refit", str(tmp_path / "run"), str(tmp_path / "earlier.pt"), "--steps", "1"]
    run(*again, "--out", str(tmp_path / "refitted"))
    assert encoders.load(f"local:{tmp_path / 'refitted'}").card.licence == "Apache-2.0"
    kept = ["--studies", "64", "--workers", "1", "--write", str(tmp_path / "figures.json")]
    run("evaluate", str(tmp_path / "run"), *kept)
    assert json.loads((tmp_path / "figures.json").read_text())
