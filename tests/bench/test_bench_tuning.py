"""Tuning on kept embeddings against tuning with the image tower in the loop."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from medneg.encoders.registry import load_alone

IMAGES = 10_000
STEP = 512
PROMPTS = 96


@pytest.mark.bench
def test_an_epoch_on_kept_embeddings_costs_a_twentieth_of_one_with_the_image_tower(tmp_path):
    """Processor seconds of an epoch over 10,000 images, scaled up from a few steps of each kind."""
    from finetune.embedded import Embedded
    from finetune.tuning import Tuning
    from finetune.tuning_recipe import TuningRecipe
    from medneg.evaluation.truth import Truth

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2000, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    present = rng.random((2000, 3)) < 0.3
    findings = ("pleural_effusion", "pneumothorax", "pacemaker")
    truth = Truth(findings=findings, present=present, absent=~present, patients=np.arange(2000))
    data = Embedded(vectors=vectors, truth=truth, concepts=findings)
    base = load_alone("phantom")
    recipe = TuningRecipe(method="label-aware", base="phantom", batch=STEP, distill=5.0)
    run = Tuning(tmp_path, recipe, base, load_alone("phantom"), data)
    run._one_step()
    kept = _seconds(run._one_step, 4) * IMAGES / STEP
    pixels = torch.rand(16, 3, 192, 192)
    towers = base.towers
    for tensor in towers.module.parameters():
        tensor.requires_grad_(True)
    per_image = _seconds(lambda: towers.encode_pixels(pixels).sum().backward(), 3) / 16
    # A step meets partners of its prompts too: two images more for each prompt.
    looped = kept + per_image * IMAGES / STEP * (STEP + 2 * PROMPTS)
    print(f"an epoch over {IMAGES} images: {kept:.0f} s kept, {looped:.0f} s with the image tower")
    assert looped > 20 * kept


def _seconds(work, times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times
