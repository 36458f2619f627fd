"""One step of each way to tune a text tower: which images and prompts it sees, and its loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from finetune.conclip import conclip
from finetune.embedded import Embedded, Twins
from finetune.info_nce import info_nce
from finetune.label_aware import distance_to_base, label_aware
from finetune.prompting import write_prompt
from finetune.tuning_recipe import PROMPTS, TuningRecipe
from finetune.wordings import pair, pick

Read = Callable[[Sequence[str]], Tensor]
"""Sentences to unit rows, (t, d)."""

Look = Callable[[np.ndarray], Tensor]
"""Numbers of images to unit rows, (n, d)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """What every step draws on.

    Attributes:
        data: the images to learn from.
        recipe: the numbers.
        read: the tower that is tuned; gradients flow.
        base: the same tower as it was; none do.
        look: gives images by row as the image tower sees them now, (n, d), where it learns too.
    """

    data: Embedded
    recipe: TuningRecipe
    read: Read
    base: Read
    look: Look | None = None
    twins: Twins = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "twins", Twins(self.data))

    def images(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """Embeddings of some images, (n, d)."""
        if self.look is not None:
            return self.look(np.asarray(rows))
        return torch.from_numpy(self.data.vectors[np.asarray(rows)])


def step_loss(stage: Stage, rng: Generator) -> Tensor:
    """The loss of one step, with the distance to the base where it is asked for."""
    if stage.recipe.method == "label-aware":
        return _label_aware_step(stage, rng)
    return _paired_step(stage, rng)


def _paired_step(stage: Stage, rng: Generator) -> Tensor:
    """CON1 and CON2: every image with the one of two opposite prompts that is true of it."""
    recipe, truth = stage.recipe, stage.data.truth
    rows, texts, opposites, affirmative = [], [], [], []
    for row in rng.permutation(len(stage.data)):
        finding = pick(stage.data.concepts, rng)
        affirmed, negated = pair(finding, rng)
        there = bool(truth.shows(finding)[row])
        if there or truth.lacks(finding)[row]:
            rows.append((int(row), finding, there))
            texts.append(affirmed if there else negated)
            opposites.append(negated if there else affirmed)
            affirmative.append(there)
        if len(rows) == recipe.batch:
            break
    read, own = stage.read(texts), stage.images([row for row, _, _ in rows])
    scale = torch.tensor(recipe.scale)
    if recipe.method == "con1":
        loss = info_nce(own, read, scale)
    else:
        distractors = [_distractor(stage, *row, rng) for row in rows]
        loss = conclip(own, read, stage.images(distractors), stage.read(opposites), scale=scale)
    return loss + _held_to_base(stage, texts, read, np.array(affirmative))


def _distractor(stage: Stage, row: int, finding: str, there: bool, rng: Generator) -> int:
    """An image of which the opposite prompt is true: its twin, or any such image."""
    twin = stage.twins.of(row, finding, rng) if rng.random() < stage.recipe.distractors else None
    if twin is not None:
        return twin
    truth = stage.data.truth
    return int(rng.choice(np.flatnonzero(truth.lacks(finding) if there else truth.shows(finding))))


def _label_aware_step(stage: Stage, rng: Generator) -> Tensor:
    """Prompts of all kinds against images among which each has partners, twins of these, and strangers."""
    data, recipe = stage.data, stage.recipe
    prompts = [write_prompt(data, rng) for _ in range(PROMPTS)]
    chosen: list[int] = []
    for prompt in prompts:
        partner = int(rng.choice(np.flatnonzero(prompt.true)))
        chosen += [partner, int(rng.choice(np.flatnonzero(prompt.false)))]
        if prompt.denied is not None and rng.random() < recipe.distractors:
            twin = stage.twins.of(partner, prompt.denied, rng)
            chosen += [] if twin is None else [twin]
    strangers = rng.choice(len(data), min(recipe.batch, len(data)), replace=False)
    rows = np.unique(np.concatenate([chosen, strangers]))
    texts = [prompt.text for prompt in prompts]
    read = stage.read(texts)
    true, false = (
        torch.from_numpy(np.stack([state[rows] for state in states]))
        for states in ([prompt.true for prompt in prompts], [prompt.false for prompt in prompts])
    )
    loss = label_aware(stage.images(rows), read, true, false, scale=torch.tensor(recipe.scale))
    return loss + _held_to_base(stage, texts, read, np.array([prompt.affirmative for prompt in prompts]))


def _held_to_base(stage: Stage, texts: Sequence[str], read: Tensor, affirmative: np.ndarray) -> Tensor:
    """distill × the distance to the base of prompts that deny nothing."""
    held = np.flatnonzero(affirmative)
    if stage.recipe.distill == 0 or len(held) == 0:
        return read.sum() * 0.0
    base = stage.base([texts[i] for i in held])
    return stage.recipe.distill * distance_to_base(read[torch.from_numpy(held)], base)
