"""What decides a phantom model's weights, together with the pictures; kept as JSON beside them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

from finetune.dual_encoder import Shape

WARM_UP = 300
"""Steps over which the learning rate rises; at most a tenth of all."""

SMALLEST_RATE = 0.02
"""Share of the learning rate that is left at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training's numbers.

    Attributes:
        seed: of pictures, weights, order, augmentation and captions.
        pictures: drawn for training, twins not counted.
        presentations: pictures shown in all, each as often as it takes.
        first: share of them that the image tower sees alone, at ``first_size`` pixels.
        batch: pictures per step.
        rate, decay: peak learning rate and weight decay of AdamW.
        shape: sizes of the model.
    """

    seed: int = 0
    pictures: int = 24_000
    presentations: int = 192_000
    first: float = 0.41
    first_size: int = 160
    batch: int = 64
    rate: float = 1.2e-3
    decay: float = 0.05
    shape: Shape = field(default_factory=Shape)

    def __post_init__(self) -> None:
        if self.batch > self.pictures:
            raise ValueError(f"a batch of {self.batch} needs at least as many pictures; got {self.pictures}")
        if self.presentations < self.batch:
            raise ValueError(f"presentations must fill a batch of {self.batch}; got {self.presentations}")

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.presentations // self.batch

    @property
    def steps_alone(self) -> int:
        """Steps in which the image tower learns alone."""
        return round(self.first * self.steps)

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to ``SMALLEST_RATE``; a second warm-up for the text.

        Example:
            >>> recipe = Recipe()
            >>> f"{recipe.rate_at(0):.1e} {recipe.rate_at(299):.1e} {recipe.rate_at(recipe.steps):.1e}"
            '4.0e-06 1.2e-03 2.4e-05'
        """
        joined = step - self.steps_alone if step >= self.steps_alone else step
        warm = min(1.0, (joined + 1) / min(WARM_UP, max(1, self.steps // 10)))
        fall = SMALLEST_RATE + (1 - SMALLEST_RATE) * (1 + math.cos(math.pi * step / self.steps)) / 2
        return self.rate * warm * fall

    def save(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def load_recipe(file: Path) -> Recipe:
    """Read what ``Recipe.save`` wrote."""
    row = json.loads(file.read_text(encoding="utf-8"))
    shape = {**row["shape"], "image_layers": tuple(row["shape"]["image_layers"])}
    return Recipe(**{**row, "shape": Shape(**shape)})
