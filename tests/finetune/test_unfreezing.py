"""Image towers that learn too: from pixels, resumed to the same weights, written as a whole encoder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune.application import TrainingError
from finetune.embedded import Embedded
from finetune.exporting import base_folder
from finetune.towers import LearningTowers, as_input
from finetune.tuning import Tuning
from finetune.tuning_recipe import TuningRecipe
from medneg import encoders
from medneg.encoders.registry import load_alone
from medneg.evaluation.truth import Truth
from tests.encoders import tiny_checkpoints as tiny

FINDINGS = ("pleural_effusion", "pneumothorax", "calcified_granuloma")
WRITERS = ("write_clip", "write_siglip", "write_open_clip", "write_open_clip_with_bert")
RECIPE = TuningRecipe(method="con2", base="", epochs=2, batch=8, rate=1e-3, unfreeze_image=True)


@pytest.fixture(autouse=True)
def _alone():
    torch.set_num_threads(1)
    encoders.load.cache_clear()


def pictures(size: int = 32, width: int = 16, images: int = 24) -> Embedded:
    """Images that are bright in a corner for each finding."""
    rng = np.random.default_rng(0)
    present = rng.random((images, 3)) < 0.4
    pixels = rng.integers(0, 60, (images, size, size)).astype(np.uint8)
    pixels[present[:, 0], : size // 2, : size // 2] += 150
    pixels[present[:, 1], size // 2 :, : size // 2] += 150
    vectors = rng.normal(size=(images, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = Truth(findings=FINDINGS, present=present, absent=~present, patients=np.arange(images))
    return Embedded(vectors=vectors, truth=truth, concepts=FINDINGS, pixels=pixels)


def tuning(folder: Path, base: str, data: Embedded | None = None) -> Tuning:
    width = encoders.load(base).card.width
    given = pictures(width=width) if data is None else data
    return Tuning(folder, replace(RECIPE, base=base), load_alone(base), load_alone(base), given)


def weights(run: Tuning) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.learning.weights().items()}


@pytest.mark.parametrize("writer", WRITERS)
def test_both_towers_of_every_family_learn_and_load_as_a_new_encoder(tmp_path, writer):
    base = f"local:{getattr(tiny, writer)(tmp_path / 'base')}"
    run = tuning(tmp_path / "run", base)
    before = weights(run)
    run.run(pictures())
    changed = {name for name, tensor in weights(run).items() if not torch.equal(before[name], tensor)}
    towers = load_alone(base).towers
    assert changed & set(towers.text_state)
    assert changed & set(towers.image_state)
    assert run.export("as typed") == tmp_path / "run" / "model"
    old, new = encoders.load(base), encoders.load(f"local:{tmp_path / 'run'}")
    assert new.card.image_fingerprint != old.card.image_fingerprint
    assert new.card.text_fingerprint != old.card.text_fingerprint
    assert (new.card.licence, new.card.template, new.card.input) == (
        old.card.licence, old.card.template, old.card.input,
    )  # fmt: skip
    np.testing.assert_allclose(new.encode_texts(["no effusion"]), run.encode(["no effusion"]), atol=5e-3)
    seen = run.seen(pictures())
    again = new.encode_images(pictures().pixels.astype(np.float32) / 255)
    np.testing.assert_allclose(again, seen.vectors, atol=5e-3)
    told = json.loads((tmp_path / "run" / "model" / "card.json").read_text())
    assert told["notice"].endswith("Both its towers were tuned to hear negation.")
    assert told["lineage"][-1] == "tuned by con2, seed 0: as typed"


def test_the_embedded_model_learns_from_a_few_pictures(tmp_path):
    run = tuning(tmp_path / "run", "phantom", pictures(size=192, width=256, images=8))
    run.run(pictures(size=192, width=256, images=4), until=1)
    run.export("as typed")
    new = encoders.load(f"local:{tmp_path / 'run'}").card
    assert new.findings == encoders.load("phantom").card.findings
    assert new.image_fingerprint != encoders.load("phantom").card.image_fingerprint


def test_a_stopped_run_resumes_to_the_same_weights_of_both_towers(tmp_path):
    base = f"local:{tiny.write_clip(tmp_path / 'base')}"
    whole = tuning(tmp_path / "whole", base)
    whole.run(pictures())
    tuning(tmp_path / "part", base).run(pictures(), until=4)
    resumed = tuning(tmp_path / "part", base)
    assert (resumed.step, resumed.steps) == (4, 6)
    resumed.run(pictures())
    assert all(torch.equal(mine, weights(whole)[name]) for name, mine in weights(resumed).items())
    assert resumed.metrics == whole.metrics


def test_the_image_tower_learns_more_slowly(tmp_path):
    run = tuning(tmp_path / "run", f"local:{tiny.write_clip(tmp_path / 'base')}")
    run._one_step()
    text, image = (group["lr"] for group in run.optimiser.param_groups)
    assert image == pytest.approx(text / 100)


def test_pictures_are_fed_as_the_encoder_feeds_them(tmp_path):
    encoder = load_alone(f"local:{tiny.write_clip(tmp_path / 'base')}")
    tower = LearningTowers(encoder.towers, unfreeze_image=True)
    pixels = pictures().pixels[:3]
    with torch.no_grad():
        got = tower(as_input(pixels, encoder.towers)).numpy()
    np.testing.assert_allclose(got, encoder.encode_images(pixels.astype(np.float32) / 255), atol=1e-6)


def test_what_lies_in_no_folder_is_refused_before_anything_is_written():
    with pytest.raises(TrainingError, match="open_clip:ViT-B-32/openai lies in no folder of its own"):
        base_folder("open_clip:ViT-B-32/openai")
