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
from finetune.grammar import pick
from finetune.info_nce import info_nce
from finetune.label_aware import composed, distance, label_aware
from finetune.prompting import Prompt, write_phrase, write_prompt
from finetune.tuning_recipe import PHRASES, PROMPTS, TuningRecipe
from finetune.wordings import pair

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
        template: how a finding becomes a sentence for the encoder, with one ``{}``.
        look: gives images by row as the image tower sees them now, (n, d), where it learns too.
    """

    data: Embedded
    recipe: TuningRecipe
    read: Read
    base: Read
    template: str = "{}"
    look: Look | None = None
    twins: Twins = field(init=False)
    known: Known = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", Known(self.base))
        object.__setattr__(self, "twins", Twins(self.data))

    def images(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """Embeddings of some images, (n, d)."""
        if self.look is not None:
            return self.look(np.asarray(rows))
        return torch.from_numpy(self.data.vectors[np.asarray(rows)])


class Known:
    """What the base makes of phrases that come again and again.

    Each is read once, and alone: in other company its last bits would differ, and a run that was killed
    would not end with the same weights.
    """

    def __init__(self, base: Read) -> None:
        self._base = base
        self._rows: dict[str, Tensor] = {}

    def read(self, texts: Sequence[str]) -> Tensor:
        """Unit rows, (t, d)."""
        new = (text for text in dict.fromkeys(texts) if text not in self._rows)
        self._rows |= {text: self._base([text])[0] for text in new}
        return torch.stack([self._rows[text] for text in texts])


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
    phrases = [write_phrase(stage.template, rng) for _ in range(PHRASES if recipe.distill else 0)]
    rows_read = stage.read([*(prompt.text for prompt in prompts), *phrases])
    read, held = rows_read[:PROMPTS], rows_read[PROMPTS:]
    true, false = (
        torch.from_numpy(np.stack([state[rows] for state in states]))
        for states in ([prompt.true for prompt in prompts], [prompt.false for prompt in prompts])
    )
    loss = label_aware(stage.images(rows), read, true, false, scale=torch.tensor(recipe.scale))
    if recipe.compose and (wanting := [row for row, prompt in enumerate(prompts) if prompt.wants]):
        aims = _aims(stage, [prompts[row] for row in wanting])
        loss = loss + recipe.compose * distance(read[wanting], aims)
    return loss + _held_to_base(stage, phrases, held, np.full(len(phrases), True))


def _aims(stage: Stage, prompts: Sequence[Prompt]) -> Tensor:
    """What prompts should be, by what the base makes of the phrases that they name, (t, d)."""
    named = list(dict.fromkeys(words for prompt in prompts for words, _ in prompt.named))
    shares = torch.zeros(len(prompts), len(named))
    for row, prompt in enumerate(prompts):
        for words, wanted in prompt.named:
            shares[row, named.index(words)] += 1.0 if wanted else -1.0
    return composed(stage.known.read([stage.template.format(words) for words in named]), shares)


def _held_to_base(stage: Stage, texts: Sequence[str], read: Tensor, affirmative: np.ndarray) -> Tensor:
    """distill × the distance to the base of prompts that deny nothing."""
    held = np.flatnonzero(affirmative)
    if stage.recipe.distill == 0 or len(held) == 0:
        return read.sum() * 0.0
    base = stage.base([texts[i] for i in held.tolist()])
    return stage.recipe.distill * distance(read[torch.from_numpy(held)], base)
