"""Training of the phantom model from nothing: the image tower alone for a while, then both towers."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import normalize, softplus

from finetune.batches import Batch, Gallery, coarser, make_batch
from finetune.curve import draw_curve
from finetune.dual_encoder import TEMPLATE, Learner, export
from finetune.losses import any_cell, contrastive, places, presence
from finetune.recipe import Recipe
from finetune.steps import save_whole
from finetune.wordpieces import corpus, encode, train_tokenizer
from medneg.evaluation.metrics import auc
from medneg.phantom.truth import FINDINGS
from medneg.query.lexicon import lexicon


class Training:
    """A training in its folder: it saves itself, and goes on where it stopped.

    The folder holds ``recipe.json``, ``tokenizer.json``, ``state.pt``, ``metrics.jsonl`` and, when exported,
    ``model/``. Every step draws its random numbers from (seed, step), so a run that was stopped and resumed
    over the same pictures ends with the same weights.
    """

    def __init__(self, folder: Path, recipe: Recipe, pictures: Path, valid: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.recipe = folder, recipe
        self.gallery, self.valid = Gallery(pictures), Gallery(valid)
        self.tokenizer = _tokenizer(folder / "tokenizer.json", recipe.seed)
        torch.manual_seed(recipe.seed)
        self.learner = Learner(recipe.shape, self.tokenizer.get_vocab_size())
        self.learner.to(memory_format=torch.channels_last)
        self.optimiser = _optimiser(self.learner, recipe)
        self.step = 0
        self.seconds = 0.0
        if self.state_file.exists():
            self._restore()
        recipe.save(folder / "recipe.json")

    @property
    def state_file(self) -> Path:
        """Where the training's state is kept."""
        return self.folder / "state.pt"

    @property
    def metrics_file(self) -> Path:
        """Where the measurements are kept, one JSON object a line."""
        return self.folder / "metrics.jsonl"

    def run(
        self,
        *,
        until: int | None = None,
        save_every: float = 120.0,
        watch_every: float = 240.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Train until the last step; save and measure every so many seconds.

        An interrupt (Ctrl-C) is passed on after saving.

        Args:
            until: stop after this step, to go on another time.
            save_every, watch_every: seconds between two saves, and between two measurements.
            progress: called after every step with the pictures shown and those to show.
        """
        end = self.recipe.steps if until is None else min(until, self.recipe.steps)
        saved = watched = started = time.monotonic()
        before, losses = self.seconds, []
        try:
            while self.step < end:
                losses.append(self._learn())
                self.step += 1
                now = time.monotonic()
                self.seconds = before + now - started
                if now - saved > save_every:
                    self.save()
                    self.gallery.take_new()
                    saved = now
                if now - watched > watch_every or self.step == end:
                    self._record(losses)
                    losses, watched = [], time.monotonic()
                if progress is not None:
                    progress(self.step * self.recipe.batch, self.recipe.steps * self.recipe.batch)
        finally:
            self.save()

    def save(self) -> None:
        """Write the state; the file is replaced whole."""
        state = {
            "learner": self.learner.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        save_whole(state, self.state_file)

    def export(self, folder: Path) -> None:
        """Write the model as it is now, in open_clip's format."""
        export(self.learner.eval(), self.tokenizer, self.recipe.shape, folder)

    def _restore(self) -> None:
        state = torch.load(self.state_file, weights_only=True)
        self.learner.load_state_dict(state["learner"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]

    def _learn(self) -> dict[str, float]:
        rng = np.random.default_rng([self.recipe.seed, 2, self.step])
        alone = self.step < self.recipe.steps_alone
        size = self.recipe.first_size if alone else self.recipe.shape.size
        drawn = self.gallery.sample(self.recipe.batch, rng)
        batch = make_batch(drawn, self.tokenizer, rng, size=size, captioned=not alone)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate_at(self.step)
        self.learner.train()
        parts = losses_of(self.learner, batch)
        torch.autograd.backward(torch.stack(list(parts.values())).sum())
        torch.nn.utils.clip_grad_norm_(self.learner.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        with torch.no_grad():
            self.learner.clip.logit_scale.clamp_(0, math.log(100))
        return {name: float(value.detach()) for name, value in parts.items()}

    def _record(self, losses: list[dict[str, float]]) -> None:
        """Add a line to ``metrics.jsonl`` and draw the curve anew."""
        names = sorted({name for row in losses for name in row})
        row: dict[str, Any] = {
            "step": self.step,
            "steps": self.recipe.steps,
            "presentations": self.step * self.recipe.batch,
            "pictures": len(self.gallery),
            "seconds": round(self.seconds, 1),
            "rate": self.recipe.rate_at(max(0, self.step - 1)),
            "scale": round(float(self.learner.clip.logit_scale.detach().exp()), 2),
            "loss": {n: round(float(np.mean([r[n] for r in losses if n in r])), 4) for n in names},
            **self._quality(),
        }
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        rows = [json.loads(line) for line in self.metrics_file.read_text(encoding="utf-8").splitlines()]
        (self.folder / "curve.svg").write_text(draw_curve(rows), encoding="utf-8")

    def _quality(self) -> dict[str, Any]:
        """AUC per finding on the validation pictures: of the map of cells, and of the towers together."""
        self.learner.eval()
        labels = np.concatenate([part.labels for part in self.valid.parts])
        cells, images = [], []
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            for part in self.valid.parts:
                pixels = torch.from_numpy(part.pixels)[:, None].float() / 255
                last, _ = self.learner.stages(pixels)
                cells.append(softplus(self.learner.cells(last).float()).sum((2, 3)))
                images.append(normalize(self.learner.pool(last).float(), dim=1))
        texts = self.learner.embed_texts(torch.from_numpy(encode(self.tokenizer, prompts())))
        seen = {"cells": torch.cat(cells).numpy(), "zero_shot": (torch.cat(images) @ texts.T).numpy()}
        return {kind: _aucs(scores, labels) for kind, scores in seen.items()}


def losses_of(learner: Learner, batch: Batch) -> dict[str, Tensor]:
    """The weighted losses of one batch; the contrastive ones only where there are captions."""
    captioned = batch.true.shape[1] > 0
    with torch.autocast("cpu", torch.bfloat16):
        last, before = learner.stages(batch.pixels)
        cells, fine = learner.cells(last), learner.fine_cells(before)
        features = learner.pool(last).float() if captioned else None
        texts = learner.read(batch.ids).float() if captioned else None
    parts = {
        "any_cell": any_cell(cells, batch.labels),
        "places": 0.15 * places(cells, batch.located, coarser(batch.marked, cells)),
        "fine_places": 0.15 * places(fine, batch.located, coarser(batch.marked, fine)),
    }
    if features is not None and texts is not None:
        parts["presence"] = 4.0 * presence(learner.findings(features), batch.labels)
        parts["sides"] = 4.0 * presence(learner.sides(features), batch.sides.flatten(1))
        parts["contrastive"] = contrastive(
            normalize(features, dim=1), normalize(texts, dim=1), batch.true, learner.clip.logit_scale.exp()
        )
    return parts


def prompts() -> list[str]:
    """One sentence per phantom finding, as zero-shot classification asks."""
    return [TEMPLATE.format(lexicon().finding(name).prompt) for name in FINDINGS]


def _aucs(scores: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> dict[str, float]:
    values = [auc(scores[:, column], labels[:, column]) for column in range(len(FINDINGS))]
    by_name = dict(zip(FINDINGS, values, strict=True))
    return {name: round(value, 4) for name, value in {"mean": float(np.nanmean(values)), **by_name}.items()}


def _optimiser(learner: Learner, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; vectors and scalars (norms, biases, temperature) do not decay."""
    weights = [p for p in learner.parameters() if p.ndim > 1]
    others = [p for p in learner.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": recipe.decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), eps=1e-6)


def _tokenizer(file: Path, seed: int) -> Tokenizer:
    if not file.exists():
        train_tokenizer(corpus(seed)).save(str(file))
    return Tokenizer.from_file(str(file))
