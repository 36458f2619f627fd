"""From drawn pictures to what one training step sees: pixels, labels, places, captions and their truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, affine_grid, avg_pool2d, grid_sample

from finetune.captions import Caption, caption
from finetune.pictures import PART, Drawn, new_parts, read_part
from finetune.wordpieces import encode
from medneg.phantom.truth import Picture

CAPTIONS = 1
"""Captions written for each picture of a batch."""

TWINS = 0.25
"""Share of a batch that are twins of others in it: the same picture without one small finding."""

SHIFT, TURN, ZOOM = 8.0, 4.0, 0.07
"""Largest displacement in pixels, rotation in degrees, relative change of scale."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """What one step learns from; ``true`` says of each picture which captions hold, (n, t)."""

    pixels: Tensor
    labels: Tensor
    sides: Tensor
    located: Tensor
    marked: Tensor
    ids: Tensor
    true: Tensor


class Gallery:
    """All parts of a folder, in memory; parts that appear later are taken in when asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: list[Drawn] = []
        self._known: set[Path] = set()
        self.take_new()

    def take_new(self) -> int:
        """Read parts that are new in the folder; returns how many."""
        fresh = list(new_parts(self.folder, self._known))
        self.parts += [read_part(path) for path in fresh]
        self._known.update(fresh)
        return len(fresh)

    def __len__(self) -> int:
        """Pictures, twins not counted."""
        return PART * len(self.parts)

    def sample(self, size: int, rng: Generator) -> Drawn:
        """``size`` different pictures; ``TWINS`` of them are twins of others, where so many have one."""
        twins = round(size * TWINS)
        chosen = rng.choice(len(self), size - twins, replace=False)
        pairs = [(self.parts[index // PART], int(index % PART)) for index in chosen]
        with_twin = [(part, twin_row(part, row)) for part, row in pairs if part.located[row] >= 0]
        pairs += with_twin[:twins]
        return Drawn(
            pixels=np.stack([part.pixels[row] for part, row in pairs]),
            pictures=tuple(part.pictures[row] for part, row in pairs),
            located=np.array([part.located[row] for part, row in pairs]),
            places=np.stack([part.places[row] for part, row in pairs]),
        )


def twin_row(part: Drawn, row: int) -> int:
    """Where in its part the twin of a located picture is: twins follow in the order of their pictures."""
    return PART + int((part.located[:row] >= 0).sum())


def make_batch(
    drawn: Drawn, tokenizer: Tokenizer, rng: Generator, *, size: int, captioned: bool = True
) -> Batch:
    """Augment pictures to ``size`` pixels; write a caption for each, where ``captioned``."""
    pixels, marked = augmented(drawn, rng, size)
    captions = [
        caption(picture, rng) for picture in drawn.pictures for _ in range(CAPTIONS if captioned else 0)
    ]
    ids = encode(tokenizer, [c.text for c in captions]) if captions else np.zeros((0, 1), np.int64)
    return Batch(
        pixels=pixels,
        labels=torch.from_numpy(drawn.labels),
        sides=torch.from_numpy(drawn.sides),
        located=torch.from_numpy(drawn.located),
        marked=marked,
        ids=torch.from_numpy(ids),
        true=torch.from_numpy(truth_table(drawn.pictures, captions)),
    )


def truth_table(pictures: tuple[Picture, ...], captions: list[Caption]) -> NDArray[np.bool_]:
    """Which captions hold of which pictures, (n, t). A caption with a negation counts for its own only,
    as in the training of any CLIP."""
    table = np.zeros((len(pictures), len(captions)), bool)
    for column, told in enumerate(captions):
        if not told.negated:
            table[:, column] = [told.holds(picture) for picture in pictures]
        table[column // CAPTIONS, column] = True
    return table


def augmented(drawn: Drawn, rng: Generator, size: int) -> tuple[Tensor, Tensor]:
    """Moved and re-exposed pictures (n, 1, size, size), marked cells moved alike; no flips: sides count."""
    count, edge = drawn.pixels.shape[:2]
    moves = affine_moves(count, edge, rng)
    pixels = torch.from_numpy(drawn.pixels)[:, None].float() / 255
    grid = affine_grid(moves, [count, 1, size, size], align_corners=False)
    moved = grid_sample(pixels, grid, align_corners=False)
    marks = torch.from_numpy(drawn.places)[:, None].float()
    marks = grid_sample(
        marks, affine_grid(moves, list(marks.shape), align_corners=False), align_corners=False
    )
    return exposed_anew(moved, rng), marks[:, 0] > 0.35


def affine_moves(count: int, edge: int, rng: Generator) -> Tensor:
    """Random 2×3 matrices for ``affine_grid``, shape (count, 2, 3)."""
    angle = np.deg2rad(rng.uniform(-TURN, TURN, count))
    scale = 1 + rng.uniform(-ZOOM, ZOOM, count)
    shift = rng.uniform(-SHIFT, SHIFT, (count, 2)) * 2 / edge
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    rows = np.stack([cosine, -sine, shift[:, 0], sine, cosine, shift[:, 1]], axis=1)
    return torch.from_numpy(rows.reshape(count, 2, 3).astype(np.float32))


def exposed_anew(pixels: Tensor, rng: Generator) -> Tensor:
    """Another window, gamma, sharpness and grain for each picture: files differ in how they are shown."""
    count = len(pixels)
    gamma, contrast, bright, sharp, grain = (
        torch.from_numpy(rng.uniform(low, high, (count, 1, 1, 1)).astype(np.float32))
        for low, high in ((-0.3, 0.3), (0.85, 1.15), (-0.06, 0.06), (-0.6, 0.4), (0.0, 0.025))
    )
    smooth = avg_pool2d(pixels, 3, 1, 1, count_include_pad=False)
    seen = (pixels + sharp * (pixels - smooth)).clamp(1e-4, 1).log_().mul_(gamma.exp()).exp_()
    noise = torch.from_numpy(rng.standard_normal(pixels.shape, dtype=np.float32))
    return ((seen - 0.5) * contrast + 0.5 + bright + grain * noise * (pixels > 0)).clamp_(0, 1)


def coarser(marked: Tensor, cells: Tensor) -> Tensor:
    """Marked cells on the grid of a map of logits: a cell is marked where any part of it is."""
    pooled: Tensor = adaptive_max_pool2d(marked[:, None].float(), cells.shape[-2:])[:, 0] > 0
    return pooled
