"""What decides a head, together with the archive; kept as JSON in the run's folder."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

WARM_UP = 50
"""Steps over which a learning rate rises; at most a tenth of all."""

SMALLEST_RATE = 0.05
"""Share of a learning rate that is left at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A head's numbers. The paper gives none but the two temperatures; docs/explanation/exclmm.md says why.

    Attributes:
        base: the encoder that the head stands behind.
        text_encoder: a text tower tuned beside it that reads captions and queries; None for the base's own.
        vectors: a file of word vectors in GloVe's format; None for the text tower's own.
        width: d, the length of a code.
        kept: t, the dimensions of an embedding that stay awake (eq. 8 and 9).
        density: ρ*, the mean activation that a unit of the word codes may have (eq. 3).
        word_steps, word_rate: of the autoencoder of words, all words in each step.
        masked: let the caption's code choose dimensions too (eq. 8 and 9).
        epochs: how often stage 1 sees each image.
        batch, rate, decay: of stage 1, AdamW; images per step.
        temperature: τ of the contrast in stage 1 (eq. 12); the paper has 1.
        raw: skip stage 1 and work on the embeddings themselves (the paper's ablation).
        quadruples: how many queries stage 2 learns from.
        exclusion_steps, exclusion_batch, exclusion_rate: of stage 2.
        exclusion_temperature: τ of eq. 15; the paper has 1.
        contrast, triplet: λ₁ and λ₂ of eq. 17.
        margin: m of eq. 16.
        aware: leave images out of a contrast that the labels say answer the query as well.
        hard: let the positive images be wrong answers of eq. 15 too.
        seed: of split, weights, captions and order.
    """

    base: str = "phantom"
    text_encoder: str | None = None
    vectors: str | None = None
    width: int = 512
    kept: int = 51
    density: float = 0.1
    word_steps: int = 300
    word_rate: float = 1e-2
    masked: bool = True
    epochs: int = 10
    batch: int = 256
    rate: float = 1e-3
    decay: float = 0.01
    temperature: float = 0.07
    raw: bool = False
    quadruples: int = 2000
    exclusion_steps: int = 300
    exclusion_batch: int = 128
    exclusion_rate: float = 1e-3
    exclusion_temperature: float = 0.07
    contrast: float = 1.0
    triplet: float = 1.0
    margin: float = 0.2
    aware: bool = True
    hard: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.kept <= self.width:
            raise ValueError(f"kept must lie in 1 to {self.width}, the width of a code; got {self.kept}")
        if not 0 < self.density < 1:
            raise ValueError(f"density must lie in (0, 1); got {self.density!r}")
        if min(self.temperature, self.exclusion_temperature) <= 0:
            raise ValueError("temperatures must be above 0")
        if min(self.contrast, self.triplet) < 0 or self.contrast + self.triplet == 0:
            raise ValueError("the weights of contrast and triplet must not be below 0, nor both 0")

    def save(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def differences(self, other: Recipe) -> str:
        """In words, what another recipe has that this one has not."""
        rows = ((each.name, getattr(self, each.name), getattr(other, each.name)) for each in fields(self))
        return ", ".join(f"{name} {ours!r}, not {theirs!r}" for name, ours, theirs in rows if ours != theirs)


def load_recipe(file: Path) -> Recipe:
    """Read what ``Recipe.save`` wrote."""
    return Recipe(**json.loads(file.read_text(encoding="utf-8")))


def rate_at(peak: float, step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine down to ``SMALLEST_RATE``."""
    warm = min(1.0, (step + 1) / max(1, min(WARM_UP, steps // 10)))
    return peak * warm * (SMALLEST_RATE + (1 - SMALLEST_RATE) * (1 + math.cos(math.pi * step / steps)) / 2)


AS_PRINTED: dict[str, Any] = {
    "temperature": 1.0,
    "exclusion_temperature": 1.0,
    "aware": False,
    "hard": False,
}
"""The paper's two temperatures and its plain contrast, in which every other image of a batch is wrong."""


def as_printed(recipe: Recipe) -> Recipe:
    """The same recipe without what we changed in the paper's losses."""
    return replace(recipe, **AS_PRINTED)
