"""Fit an earlier text tower to the image tower that a training ended with, the image tower frozen.

The longer both towers learn from exact captions, the more the text tower heeds "no", which the CLIPs of the
world do not. An earlier text tower is put back where their failure is to be shown, and learns the final image
tower's space in a few dozen steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from finetune.batches import make_batch
from finetune.losses import contrastive
from finetune.pretrain import Training

BATCH, RATE, WARM_UP, SMALLEST_RATE = 128, 5e-4, 20, 0.05
STREAM = 11
"""Of the random numbers, beside the training's own."""


def refit_text(
    training: Training,
    earlier: Path,
    *,
    steps: int,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Replace the text tower by that of an earlier state of the same run, and fit it.

    Args:
        training: at its end; its learner is changed in memory, its files stay.
        earlier: a copy of ``state.pt`` from the time whose text tower is wanted.
        steps: of ``batch`` pictures with a caption each; the temperature stays as it is.
        progress: called after every step with (done, total).
    """
    learner = training.learner.eval()
    state = torch.load(earlier, weights_only=True)["learner"]
    prefix = "clip.text."
    text = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    learner.clip.text.load_state_dict(text)
    weights = list(learner.clip.text.parameters())
    optimiser = torch.optim.AdamW(weights, lr=RATE, betas=(0.9, 0.98), weight_decay=0.05, eps=1e-6)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * rate_share(step, steps)
        torch.autograd.backward(_loss(training, batch, step))
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if progress is not None:
            progress(step + 1, steps)


def rate_share(step: int, steps: int) -> float:
    """Share of the learning rate: a short warm-up, then half a cosine."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return warm * (SMALLEST_RATE + (1 - SMALLEST_RATE) * (1 + math.cos(math.pi * step / steps)) / 2)


def _loss(training: Training, size: int, step: int) -> torch.Tensor:
    learner, recipe = training.learner, training.recipe
    rng = np.random.default_rng([STREAM, recipe.seed, step])
    drawn = training.gallery.sample(min(size, len(training.gallery)), rng)
    batch = make_batch(drawn, training.tokenizer, rng, size=recipe.shape.size)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        images = learner.pool(learner.stages(batch.pixels)[0])
    with torch.autocast("cpu", torch.bfloat16):
        texts = learner.read(batch.ids)
    scale = learner.clip.logit_scale.detach().exp()
    return contrastive(normalize(images.float(), dim=1), normalize(texts.float(), dim=1), batch.true, scale)
