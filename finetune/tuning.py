"""Tuning of a text tower beside a frozen image tower: images are read once, only texts are encoded.

Where the image tower is unfrozen, it learns too, and every step looks at pixels.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from numpy import float32
from numpy.random import default_rng
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from finetune.application import TrainingError
from finetune.curve import draw_curve
from finetune.dual_encoder import half
from finetune.embedded import Embedded
from finetune.exporting import base_folder, export_encoder
from finetune.starting import lineage_before
from finetune.steps import run_steps, save_whole
from finetune.towers import LearningTowers, as_input
from finetune.tuning_recipe import IMAGE_SHARE, TuningRecipe, load_tuning_recipe
from finetune.tuning_steps import Stage, step_loss
from finetune.watching import watch
from medneg.encoders.dual import DualEncoder, Towers
from medneg.encoders.text_towers import TextTowerCard, write_text_tower
from medneg.values import EncoderCard

Progress = Callable[[int, int], None]
TOGETHER = 32
"""Sentences, or pictures, that are encoded in one go."""

CURVE = "Precision@10 of whole sentences on watched images, over images presented"


class Tuning:
    """A tuning in its folder: it saves itself, and goes on where it stopped.

    The folder holds ``config.json``, ``state.pt``, ``metrics.jsonl`` and, when exported, ``text_tower/``, or
    ``model/`` where the image tower learnt too. Every step draws its random numbers from (seed, step,
    process), so that a run that was killed and run again ends with the same weights. Several processes each
    take a batch of their own and average their gradients; an epoch has as many steps fewer.
    """

    def __init__(
        self, folder: Path, recipe: TuningRecipe, base: DualEncoder, tuned: DualEncoder, data: Embedded
    ) -> None:
        """Prepare, or take up what the folder holds.

        Args:
            base: stays as it is.
            tuned: the same encoder loaded once more; what learns of it is changed in place.
            data: what to learn from, with pixels where the image tower learns too.

        Raises:
            TrainingError: if the folder holds a run with other numbers, of other images or by another number
                of processes, or if the base is in no form that a tuned image tower can be written in.
        """
        self.folder, self.recipe, self.card = folder, recipe, base.card
        data = data.askable()
        self._learnt_from = data.digest()
        self._refuse_another()
        if recipe.unfreeze_image:
            base_folder(recipe.base)
        folder.mkdir(parents=True, exist_ok=True)
        # Buffers (the text tower's mask among them) are alike everywhere; sending them would write into what
        # a backward pass still needs.
        settings = DistributedDataParallelKwargs(broadcast_buffers=False)
        self.accelerator = Accelerator(mixed_precision="no", kwargs_handlers=[settings])
        self._towers = tuned.towers
        self.learning = LearningTowers(
            tuned.towers, unfreeze_image=recipe.unfreeze_image, half=recipe.precision == "bf16"
        )
        self.tower, self.optimiser = self.accelerator.prepare(self.learning, self._make_optimiser())
        self._data = data
        self.stage = Stage(
            data=data,
            recipe=recipe,
            read=self._read,
            base=_frozen(base.towers),
            template=base.card.template,
            look=self._look if recipe.unfreeze_image else None,
        )
        self.processes = self.accelerator.num_processes
        self.steps = recipe.steps(len(data) // self.processes)
        self.step = 0
        if self.state_file.exists():
            self._restore()
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self._drop_later_metrics()
            recipe.save(self.config_file)

    def _make_optimiser(self) -> torch.optim.AdamW:
        """AdamW over one group a tower; ``share`` says how much of the rate is the group's."""
        text, image = (
            self.learning.parameters_of(dict(state))
            for state in (self._towers.text_state, self._towers.image_state)
        )
        groups = [{"params": text, "share": 1.0}, {"params": image, "share": IMAGE_SHARE}]
        return torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=self.recipe.rate,
            weight_decay=self.recipe.decay,
            betas=(0.9, 0.98),
            foreach=False,
        )

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
        if self.step == 0:
            self._measure(watched)

        def take() -> int:
            loss = self._one_step()
            if self.step % max(1, self.steps // self.recipe.epochs) == 0:
                self._measure(watched, loss)
            if progress is not None:
                progress(self.step, self.steps)
            return self.step

        run_steps(take, self.save, done=self.step, end=end, every=save_every)

    def _one_step(self) -> float:
        rng = default_rng([self.recipe.seed, self.step, self.accelerator.process_index])
        for group in self.optimiser.param_groups:
            group["lr"] = group.get("share", 1.0) * self.recipe.rate_at(self.step, self.steps)
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
        tower = self._tower()
        rows = torch.cat([tower(part) for part in torch.split(ids[order], TOGETHER)])
        return rows[order.argsort()].cpu()

    def _look(self, rows: NDArray[np.int64]) -> Tensor:
        """Unit rows of images that are learnt from, as the image tower sees them now."""
        assert self._data.pixels is not None
        return self._see(self._data.pixels[rows])

    def _see(self, pictures: NDArray[np.uint8]) -> Tensor:
        tower, parts = self._tower(), np.split(pictures, range(TOGETHER, len(pictures), TOGETHER))
        inputs = (as_input(part, self._towers).to(self.accelerator.device) for part in parts)
        return torch.cat([tower(part) for part in inputs]).cpu()

    def _tower(self) -> nn.Module:
        """The towers; where no gradient is wanted, without the wrapping that waits for other processes."""
        found: nn.Module = self.tower if torch.is_grad_enabled() else self.learning
        return found

    @torch.no_grad()
    def seen(self, data: Embedded) -> Embedded:
        """The same images with the embeddings that the image tower gives them now."""
        if data.pixels is None or not self.recipe.unfreeze_image:
            return data
        return replace(data, vectors=self._see(data.pixels).numpy())

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> NDArray[float32]:
        """Encode sentences with the tower as it is now, unit rows (t, d)."""
        rows: NDArray[float32] = self._read(texts).numpy()
        return rows

    def _measure(self, watched: Embedded, loss: float | None = None) -> None:
        if not self.accelerator.is_main_process:
            return
        with torch.no_grad():
            found = watch(self.seen(watched), self._read)
        shown = self.step * self.recipe.batch * self.processes
        row = {"step": self.step, "presentations": shown, "loss": loss, **found}
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
            "processes": self.processes,
            "tower": self.learning.weights(),
            "optimiser": self.optimiser.state_dict(),
        }
        save_whole(state, self.state_file)

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
        if state.get("processes", 1) != self.processes:
            raise TrainingError(
                f"{self.folder} holds a run by {state.get('processes', 1)} process(es); this one has "
                f"{self.processes}; go on with as many, or choose another folder"
            )
        with torch.no_grad():
            for name, tensor in self.learning.weights().items():
                tensor.copy_(state["tower"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def _drop_later_metrics(self) -> None:
        """Forget what was measured after the last save: it will be measured again."""
        if self.metrics_file.exists():
            kept = [json.dumps(row) + "\n" for row in self.metrics if row["step"] <= self.step]
            self.metrics_file.write_text("".join(kept), encoding="utf-8")

    def export(self, command: str) -> Path:
        """Write the tower for ``--text-encoder``, or the encoder for ``--encoder local:`` where both towers
        learnt, in half precision; licence and origin are inherited.

        Args:
            command: what was typed, for the record.
        """
        if self.recipe.unfreeze_image:
            folder = self.folder / "model"
            state, base = self.learning.whole.state_dict(), base_folder(self.recipe.base)
            lineage = (
                f"base {self.card.name}, image tower {self.card.image_fingerprint}, "
                f"text tower {self.card.text_fingerprint}",
                _tuned_by(self.recipe, command),
            )
            export_encoder(folder, base, state, self.card, lineage)
            return folder
        folder = self.folder / "text_tower"
        card = _card_of(self.folder.resolve().name, self.card, self.recipe, command)
        write_text_tower(folder, card, {name: half(w) for name, w in self.learning.weights().items()})
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
        lineage=(*lineage_before(base, recipe), _tuned_by(recipe, command)),
    )


def _tuned_by(recipe: TuningRecipe, command: str) -> str:
    return f"tuned by {recipe.method}, seed {recipe.seed}: {command}"
