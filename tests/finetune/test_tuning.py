"""Tuning of text towers: every family, resumed to the same weights, nothing else touched."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune.application import TrainingError
from finetune.embedded import Embedded, Twins, balanced, draw_images, split
from finetune.prompting import write_prompt
from finetune.tuning import Tuning
from finetune.tuning_recipe import TuningRecipe, load_tuning_recipe
from medneg import encoders
from medneg.encoders.registry import load_alone
from medneg.encoders.text_towers import read_text_tower
from medneg.errors import ArchiveError
from medneg.evaluation.truth import Truth

TINY = Path(__file__).parents[1] / "encoders" / "tiny_checkpoints.py"
FINDINGS = ("pleural_effusion", "pneumothorax", "calcified_granuloma")
WRITERS = ("write_clip", "write_siglip", "write_open_clip", "write_open_clip_with_bert")
RECIPE = TuningRecipe(method="label-aware", base="", epochs=2, batch=16, rate=1e-3, distill=1.0)


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr("finetune.tuning_steps.PROMPTS", 12)
    encoders.load.cache_clear()


@pytest.fixture
def tiny():
    spec = importlib.util.spec_from_file_location("tiny_checkpoints", TINY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def base(tiny, tmp_path):
    return f"local:{tiny.write_clip(tmp_path / 'base')}"


def gallery(width: int = 16, images: int = 64) -> Embedded:
    """Images whose first axes are their findings, and nothing else but noise; two images a person."""
    rng = np.random.default_rng(0)
    present = rng.random((images, 3)) < 0.4
    vectors = rng.normal(size=(images, width)).astype(np.float32) / 4
    vectors[:, :3] += 2 * present - 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = Truth(findings=FINDINGS, present=present, absent=~present, patients=np.arange(images) // 2)
    return Embedded(vectors=vectors, truth=truth, concepts=(*FINDINGS, "calcification"))


def tuning(folder: Path, base: str, recipe: TuningRecipe = RECIPE, data: Embedded | None = None) -> Tuning:
    here = replace(recipe, base=base)
    return Tuning(folder, here, load_alone(base), load_alone(base), data or gallery())


def weights(run: Tuning) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.learning.weights().items()}


@pytest.mark.parametrize("method", ["con1", "con2", "label-aware"])
@pytest.mark.parametrize("writer", WRITERS)
def test_every_method_tunes_the_text_tower_of_every_family_and_nothing_else(tiny, tmp_path, writer, method):
    base = f"local:{getattr(tiny, writer)(tmp_path / 'base')}"
    width = encoders.load(base).card.width
    run = tuning(tmp_path / "run", base, replace(RECIPE, method=method), gallery(width))
    images = {name: tensor.clone() for name, tensor in run._towers.image_state.items()}
    before = weights(run)
    run.run(gallery(width))
    assert any(not torch.equal(before[name], tensor) for name, tensor in weights(run).items())
    assert all(torch.equal(images[name], tensor) for name, tensor in run._towers.image_state.items())
    run.export("as typed")
    tuned = encoders.load(base, str(tmp_path / "run"))
    assert tuned.card.image_fingerprint == encoders.load(base).card.image_fingerprint
    assert tuned.card.text_fingerprint != encoders.load(base).card.text_fingerprint


@pytest.mark.parametrize("writer", ["write_clip", "write_open_clip_with_bert", "write_siglip"])
def test_leaving_out_what_pads_changes_no_embedding(tiny, tmp_path, writer):
    towers = load_alone(f"local:{getattr(tiny, writer)(tmp_path / 'base')}").towers
    ids = towers.tokenize(["no effusion", "left pleural effusion", "heart"])
    short = towers.cut(ids)
    assert (short.shape[1] < ids.shape[1]) == (writer == "write_clip")
    assert torch.allclose(towers.encode_tokens(ids), towers.encode_tokens(short), atol=1e-6)


def test_the_embedded_model_reads_short_sentences_alike_and_a_full_context_whole():
    towers = load_alone("phantom").towers
    ids = towers.tokenize(["no effusion", "pneumothorax on the left"])
    assert towers.cut(ids).shape[1] < 12
    assert torch.allclose(towers.encode_tokens(ids), towers.encode_tokens(towers.cut(ids)), atol=1e-6)
    full = towers.tokenize(["effusion " * 200])
    assert towers.cut(full).shape == full.shape


def test_a_stopped_run_resumes_to_the_same_weights_and_metrics(base, tmp_path):
    whole = tuning(tmp_path / "whole", base)
    whole.run(gallery())
    tuning(tmp_path / "part", base).run(gallery(), until=3)
    with pytest.raises(KeyboardInterrupt):
        tuning(tmp_path / "part", base).run(gallery(), progress=interrupt)
    resumed = tuning(tmp_path / "part", base)
    assert resumed.step == 4
    resumed.run(gallery())
    assert resumed.step == whole.step == 8
    assert all(torch.equal(mine, weights(whole)[name]) for name, mine in weights(resumed).items())
    assert resumed.metrics == whole.metrics
    assert [row["step"] for row in whole.metrics] == [0, 4, 8]


def interrupt(done: int, total: int) -> None:
    raise KeyboardInterrupt


KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
import test_tuning as t
from pathlib import Path
t.torch.set_num_threads(1)
import finetune.tuning_steps
finetune.tuning_steps.PROMPTS = 12
run = t.tuning(Path({folder!r}), {base!r})
def kill(done, total):
    if done == 5:
        os.kill(os.getpid(), signal.SIGKILL)
run.run(t.gallery(), save_every=0.0, progress=kill)
"""


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights(base, tmp_path):
    whole = tuning(tmp_path / "whole", base)
    whole.run(gallery())
    program = KILLED.format(paths=[str(Path(__file__).parent)], folder=str(tmp_path / "part"), base=base)
    ended = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    resumed = tuning(tmp_path / "part", base)
    assert 4 <= resumed.step <= 5
    resumed.run(gallery())
    assert all(torch.equal(mine, weights(whole)[name]) for name, mine in weights(resumed).items())


def test_a_run_keeps_config_metrics_curve_and_tower(base, tmp_path):
    run = tuning(tmp_path / "run", base)
    run.run(gallery())
    run.export("medneg-finetune label-aware …")
    assert load_tuning_recipe(run.config_file) == run.recipe
    assert json.loads(run.metrics_file.read_text().splitlines()[-1])["step"] == 8
    assert "Precision@10" in (tmp_path / "run" / "curve.svg").read_text()
    card = read_text_tower(tmp_path / "run" / "text_tower")
    parent = encoders.load(base).card
    assert (card.licence, card.base, card.image_fingerprint) == (
        parent.licence, base, parent.image_fingerprint,
    )  # fmt: skip
    assert card.lineage[-1] == "tuned by label-aware, seed 0: medneg-finetune label-aware …"


def test_another_recipe_or_other_images_are_refused_in_the_same_folder(base, tmp_path):
    tuning(tmp_path / "run", base).run(gallery(), until=1)
    with pytest.raises(TrainingError, match=r"other numbers \(rate 0.001, not 0.5\)"):
        tuning(tmp_path / "run", base, replace(RECIPE, rate=0.5))
    with pytest.raises(TrainingError, match="other images or labels"):
        tuning(tmp_path / "run", base, data=gallery(images=40))


def test_what_no_image_lacks_is_not_asked_and_nothing_to_ask_is_refused(base, tmp_path):
    shown = gallery().rows(np.flatnonzero(gallery().truth.shows("pleural_effusion")))
    assert tuning(tmp_path / "run", base, data=shown).stage.data.concepts == gallery().concepts[1:]
    with pytest.raises(ArchiveError, match="no finding is there in some of the 1 images to learn from"):
        tuning(tmp_path / "one", base, data=shown.rows(np.arange(1)))


def test_tuning_lowers_the_loss_on_images_made_of_their_findings(base, tmp_path):
    run = tuning(tmp_path / "run", base, replace(RECIPE, epochs=10, rate=5e-3))
    losses = [run._one_step() for _ in range(run.steps)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1


def test_nobody_is_in_both_parts_of_a_split():
    learnt, watched = split(gallery(), seed=0)
    assert len(learnt) + len(watched) == 64
    assert not set(learnt.truth.patients) & set(watched.truth.patients)


def test_half_of_balanced_images_show_the_finding_and_drawn_ones_are_as_many():
    assert balanced(gallery(), 20, seed=0).truth.shows("pleural_effusion").sum() == 10
    assert len(draw_images(gallery(), 7, seed=0)) == 7
    assert draw_images(gallery(), 70, seed=0).vectors.shape == gallery().vectors.shape


def test_a_twin_differs_in_one_finding():
    data, rng = gallery(), np.random.default_rng(0)
    labels = data.truth.present
    found = [(row, Twins(data).of(row, "pneumothorax", rng)) for row in range(len(data))]
    assert all((labels[row] != labels[twin]).tolist() == [False, True, False] for row, twin in found)
    assert Twins(data.rows(np.arange(1))).of(0, "pneumothorax", rng) is None


def test_a_prompt_is_true_of_some_images_false_of_others_and_never_both():
    data, rng = gallery(), np.random.default_rng(0)
    for _ in range(200):
        prompt = write_prompt(data, rng)
        assert prompt.true.any()
        assert prompt.false.any()
        assert not (prompt.true & prompt.false).any()
        assert "{" not in prompt.text
