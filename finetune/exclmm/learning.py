"""One phase of a training, in a file: it saves itself, and goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from numpy.random import Generator, default_rng
from torch import Tensor, nn

from finetune.exclmm.recipe import rate_at
from finetune.steps import run_steps, save_whole

Progress = Callable[[int, int], None]
Loss = Callable[[Generator], Tensor]
SAVE_EVERY = 20.0
"""Seconds between two saves."""


def seconds_of(folder: Path) -> float:
    """Seconds of one processor that the phases in a folder have learnt for."""
    return sum(float(torch.load(file, weights_only=True)["seconds"]) for file in folder.glob("*.pt"))


class Learning:
    """Steps of AdamW on a module.

    Every step draws its random numbers from (seed, phase, step), so that a phase that was killed and run
    again ends with the same weights.

    Args:
        file: of the state.
        module: changed in place.
        loss: of one step.
        steps: in all.
        rate, decay: peak learning rate and weight decay.
        seed: with the name of the file, decides the random numbers.
    """

    def __init__(
        self,
        file: Path,
        module: nn.Module,
        loss: Loss,
        *,
        steps: int,
        rate: float,
        decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.file, self.module, self.loss = file, module, loss
        self.steps, self.rate = steps, rate
        self._seed = [seed, *file.stem.encode()]
        self.optimiser = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=decay, foreach=False)
        self.step, self.last, self.seconds = 0, float("nan"), 0.0
        if file.exists():
            state = torch.load(file, weights_only=True)
            module.load_state_dict(state["module"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.last, self.seconds = state["step"], state["loss"], state["seconds"]

    def run(self, *, until: int | None = None, progress: Progress | None = None) -> None:
        """Learn until the last step, or stop after another one, to go on another time.

        An interrupt is passed on after saving.
        """
        end = self.steps if until is None else min(until, self.steps)
        if self.step >= end:
            return

        def take() -> int:
            began = time.process_time()
            self._one_step()
            self.seconds += time.process_time() - began
            if progress is not None:
                progress(self.step, self.steps)
            return self.step

        run_steps(take, self.save, done=self.step, end=end, every=SAVE_EVERY)

    def _one_step(self) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.rate, self.step, self.steps)
        loss = self.loss(default_rng([*self._seed, self.step]))
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimiser.step()
        self.step, self.last = self.step + 1, float(loss.detach())

    def save(self) -> None:
        """Write the state; a kill in between leaves the one before."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "step": self.step,
            "loss": self.last,
            "seconds": self.seconds,
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        save_whole(state, self.file)
