"""Tuning of a text tower beside a frozen image tower: images are read once, only texts are encoded."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from numpy import float32
from numpy.random import default_rng
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from finetune.application import TrainingError
from finetune.curve import draw_curve
from finetune.embedded import Embedded
from finetune.tuning_recipe import TuningRecipe, load_tuning_recipe
from finetune.tuning_steps import Stage, step_loss
from finetune.watching import watch
from medneg.encoders.dual import DualEncoder, Towers
from medneg.encoders.text_towers import TextTowerCard, write_text_tower
from medneg.values import EncoderCard

Progress = Callable[[int, int], None]
TOGETHER = 32
"""Sentences that are encoded in one go."""

CURVE = "Precision@10 of whole sentences on watched images, over images presented"


class ReadableTower(nn.Module):
    """A text tower as a module: token ids (t, context) to unit rows (t, d). Everything else stands still."""

    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.whole = towers.module
        self._encode, self._cut = towers.encode_tokens, towers.cut
        for name, parameter in self.whole.named_parameters():
            parameter.requires_grad_(name in towers.text_state)

    def forward(self, ids: Tensor) -> Tensor:
        """Encode sentences."""
        return normalize(self._encode(self._cut(ids)).float(), dim=1)


class Tuning:
    """A tuning in its folder: it saves itself, and goes on where it stopped.

    The folder holds ``config.json``, ``state.pt``, ``metrics.jsonl`` and, when exported, ``text_tower/``.
    Every step draws its random numbers from (seed, step, process), so that a run that was killed and run
    again ends with the same weights.
    """

    def __init__(
        self, folder: Path, recipe: TuningRecipe, base: DualEncoder, tuned: DualEncoder, data: Embedded
    ) -> None:
        """Prepare, or take up what the folder holds.

        Args:
            base: stays as it is.
            tuned: the same encoder loaded once more; its text tower is changed in place.
            data: what to learn from.

        Raises:
            TrainingError: if the folder holds a run with other numbers or of other images.
        """
        self.folder, self.recipe, self.card = folder, recipe, base.card
        self._learnt_from = data.digest()
        self._refuse_another()
        folder.mkdir(parents=True, exist_ok=True)
        self.accelerator = Accelerator(mixed_precision=recipe.precision)
        self._towers = tuned.towers
        tower = ReadableTower(tuned.towers)
        learning = [parameter for parameter in tower.parameters() if parameter.requires_grad]
        optimiser = torch.optim.AdamW(
            learning, lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.98), foreach=False
        )
        self.tower, self.optimiser = self.accelerator.prepare(tower, optimiser)
        self.stage = Stage(data=data, recipe=recipe, read=self._read, base=_frozen(base.towers))
        self.steps = recipe.steps(len(data))
        self.step = 0
        if self.state_file.exists():
            self._restore()
        recipe.save(self.config_file)

    @property
    def state_file(self) -> Path:
        """Where the tuning's state is kept."""
        return self.folder / "state.pt"

    @property
    def config_file(self) -> Path:
        """Where the recipe is kept."""
        return self.folder / "config.json"

    @property
    def metrics_file(self) -> Path:
        """Where losses and measurements are kept, one JSON object a line."""
        return self.folder / "metrics.jsonl"

    def run(
        self,
        watched: Embedded,
        *,
        until: int | None = None,
        save_every: float = 30.0,
        progress: Progress | None = None,
    ) -> None:
        """Tune until the last step; measure after every epoch. An interrupt is passed on after saving.

        Args:
            watched: images that are not learnt from.
            until: stop after this step, to go on another time.
            save_every: seconds between two saves.
            progress: called after every step with the steps done and those to do.
        """
        end = self.steps if until is None else min(until, self.steps)
        saved = time.monotonic()
        if self.step == 0:
            self._measure(watched)
        try:
            while self.step < end:
                loss = self._one_step()
                if self.step % max(1, self.steps // self.recipe.epochs) == 0:
                    self._measure(watched, loss)
                if time.monotonic() - saved > save_every:
                    self.save()
                    saved = time.monotonic()
                if progress is not None:
                    progress(self.step, self.steps)
        finally:
            self.save()

    def _one_step(self) -> float:
        rng = default_rng([self.recipe.seed, self.step, self.accelerator.process_index])
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate_at(self.step, self.steps)
        loss = step_loss(self.stage, rng)
        self.optimiser.zero_grad()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.tower.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def _read(self, texts: Sequence[str]) -> Tensor:
        """Encode sentences, those of like length together: padding costs as much as words."""
        ids = self._towers.tokenize(list(texts)).to(self.accelerator.device)
        order = (ids != ids[:, -1:]).sum(1).argsort(stable=True)
        rows = torch.cat([self.tower(part) for part in ids[order].split(TOGETHER)])
        return rows[order.argsort()].cpu()

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> NDArray[float32]:
        """Encode sentences with the tower as it is now, unit rows (t, d)."""
        rows: NDArray[float32] = self._read(texts).numpy()
        return rows

    def _measure(self, watched: Embedded, loss: float | None = None) -> None:
        if not self.accelerator.is_main_process:
            return
        with torch.no_grad():
            found = watch(watched, self._read)
        row = {"step": self.step, "presentations": self.step * self.recipe.batch, "loss": loss, **found}
        with self.metrics_file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        (self.folder / "curve.svg").write_text(
            draw_curve([_flat(row) for row in self.metrics], kind="figures", title=CURVE, lowest=0.0),
            encoding="utf-8",
        )

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """What was measured so far, oldest first."""
        if not self.metrics_file.exists():
            return []
        return [json.loads(line) for line in self.metrics_file.read_text(encoding="utf-8").splitlines()]

    def save(self) -> None:
        """Write the state; a kill in between leaves the one before."""
        if not self.accelerator.is_main_process:
            return
        state: dict[str, Any] = {
            "step": self.step,
            "learnt_from": self._learnt_from,
            "tower": self._weights(),
            "optimiser": self.optimiser.state_dict(),
        }
        beside = self.state_file.with_suffix(".new")
        torch.save(state, beside)
        os.replace(beside, self.state_file)

    def _weights(self) -> dict[str, Tensor]:
        """The tower's tensors wherever they are now: a device keeps copies of its own."""
        state = self._towers.module.state_dict()
        return {name: state[name] for name in self._towers.text_state}

    def _refuse_another(self) -> None:
        if not self.config_file.exists():
            return
        if (kept := load_tuning_recipe(self.config_file)) != self.recipe:
            raise TrainingError(
                f"{self.folder} holds a run with other numbers ({_differences(kept, self.recipe)}); "
                "choose another folder, or the same numbers to go on"
            )

    def _restore(self) -> None:
        state = torch.load(self.state_file, weights_only=True, map_location="cpu")
        if state["learnt_from"] != self._learnt_from:
            raise TrainingError(
                f"{self.folder} holds a run that learnt from other images or labels than these; "
                "choose another folder"
            )
        with torch.no_grad():
            for name, tensor in self._weights().items():
                tensor.copy_(state["tower"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
        # What was measured after the last save will be measured again.
        kept = [json.dumps(row) + "\n" for row in self.metrics if row["step"] <= self.step]
        self.metrics_file.write_text("".join(kept), encoding="utf-8")

    def export(self, command: str) -> Path:
        """Write the tower for ``--text-encoder`` in half precision; licence and origin are inherited.

        Args:
            command: what was typed, for the record.
        """
        folder = self.folder / "text_tower"
        write_text_tower(
            folder,
            _card_of(self.folder.resolve().name, self.card, self.recipe, command),
            {n: w.half() if w.is_floating_point() else w for n, w in self._weights().items()},
        )
        return folder


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the metrics with one level of names."""
    figures = {
        f"{kind}, {wordings.split()[0]}": value
        for wordings in ("trained wordings", "unseen wordings")
        for kind, value in row[wordings].items()
    }
    return {"presentations": row["presentations"], "figures": figures}


def _differences(kept: TuningRecipe, asked: TuningRecipe) -> str:
    ours, theirs = asdict(kept), asdict(asked)
    return ", ".join(
        f"{name} {ours[name]!r}, not {theirs[name]!r}" for name in ours if ours[name] != theirs[name]
    )


def _frozen(towers: Towers) -> Callable[[Sequence[str]], Tensor]:
    @torch.no_grad()
    def read(texts: Sequence[str]) -> Tensor:
        return normalize(towers.encode_tokens(towers.cut(towers.tokenize(list(texts)))), dim=1)

    return read


def _card_of(name: str, base: EncoderCard, recipe: TuningRecipe, command: str) -> TextTowerCard:
    return TextTowerCard(
        name=name,
        base=recipe.base,
        image_fingerprint=base.image_fingerprint,
        licence=base.licence,
        notice=f"{base.notice} Its text tower was tuned to hear negation.",
        lineage=(
            f"base {base.name}, text tower {base.text_fingerprint}",
            f"tuned by {recipe.method}, seed {recipe.seed}: {command}",
        ),
    )
