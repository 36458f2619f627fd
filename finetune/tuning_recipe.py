"""What decides a tuned text tower, together with the archive; kept as JSON in the run's folder."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

Method = Literal["con1", "con2", "label-aware"]

WARM_UP = 50
"""Steps over which the learning rate rises (CoN-CLIP, released code); at most a tenth of all."""

SMALLEST_RATE = 0.1
"""Share of the learning rate that is left at the end."""

IMAGE_SHARE = 0.01
"""Learning rate of an image tower that learns too, as a share of the text tower's; with a tenth, the embedded
model's images fall together and the loss stays at chance."""

PROMPTS = 96
"""Prompts in a step of label-aware tuning; CON1 and CON2 have one an image."""

PHRASES = 16
"""Phrases in a step of label-aware tuning that are held where the base has them."""

DEFAULTS: dict[Method, dict[str, float]] = {
    "con1": {"epochs": 5, "rate": 1e-3, "batch": 16},
    "con2": {"epochs": 5, "rate": 1e-3, "batch": 16},
    "label-aware": {"epochs": 20, "rate": 1.5e-3, "batch": 128, "distill": 20.0, "compose": 5.0},
}
"""What is taken when nothing is said: five epochs are the CON2 paper's, the rest was found on phantoms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRecipe:
    """A tuning's numbers.

    Attributes:
        method: "con1", "con2" or "label-aware".
        base: the encoder whose text tower is tuned, and by which it is held.
        start: a tuned text tower of the base to go on from; None to begin with the base's own.
        findings: names of the findings; empty for all that are labelled.
        images: how many images to learn from; None for all but those that are watched.
        epochs: how often each image is presented.
        rate, decay: peak learning rate and weight decay of AdamW.
        batch: images per step.
        distill: weight of the distance to the base: of prompts that deny nothing, and of the bare phrases of
            label-aware tuning.
        compose: weight of the distance between a sentence that wants something and what the base makes of its
            parts, wanted less unwanted, beside the label-aware contrast.
        distractors: share of the batch's images that are there to be told apart: the opposite images of
            CON2, the twins of label-aware tuning.
        scale: inverse temperature of the contrast.
        precision: "bf16" lets the towers that learn compute in bfloat16.
        unfreeze_image: let the image tower learn too, at ``IMAGE_SHARE`` of the rate.
        seed: of the split, the order and the prompts.
    """

    method: Method
    base: str
    start: str | None = None
    findings: tuple[str, ...] = ()
    images: int | None = None
    epochs: int = 5
    rate: float = 1e-4
    decay: float = 0.01
    batch: int = 64
    distill: float = 0.0
    compose: float = 0.0
    distractors: float = 0.5
    scale: float = 30.0
    precision: Literal["no", "bf16"] = "no"
    unfreeze_image: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"method must be one of {', '.join(get_args(Method))}; got {self.method!r}")
        if not 0 <= self.distractors <= 1:
            raise ValueError(f"the distractors' share must lie in [0, 1]; got {self.distractors!r}")
        if min(self.epochs, self.batch) < 1 or (self.images is not None and self.images < 2):
            raise ValueError("epochs and batch must be at least 1, images at least 2")

    def steps(self, images: int) -> int:
        """Steps in all, with so many images to learn from."""
        return self.epochs * max(1, images // self.batch)

    def rate_at(self, step: int, steps: int) -> float:
        """Linear warm-up, then half a cosine down to ``SMALLEST_RATE``."""
        warm = min(1.0, (step + 1) / max(1, min(WARM_UP, steps // 10)))
        fall = SMALLEST_RATE + (1 - SMALLEST_RATE) * (1 + math.cos(math.pi * step / steps)) / 2
        return self.rate * warm * fall

    def save(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def load_tuning_recipe(file: Path) -> TuningRecipe:
    """Read what ``TuningRecipe.save`` wrote."""
    row = json.loads(file.read_text(encoding="utf-8"))
    return TuningRecipe(**{**row, "findings": tuple(row["findings"])})
