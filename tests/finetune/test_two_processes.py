"""Two processes on one machine, by gloo: a step is the mean of both processes' gradients."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.random import default_rng
from safetensors.torch import load_file, save_file

from finetune.application import TrainingError
from finetune.tuning import Tuning
from finetune.tuning_recipe import TuningRecipe
from finetune.tuning_steps import step_loss
from medneg.encoders.registry import load_alone
from tests.encoders import tiny_checkpoints as tiny
from tests.finetune.test_unfreezing import pictures

ROOT = Path(__file__).parents[2]
SETTINGS = {"ACCELERATE_USE_CPU": "true", "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
PROGRAM = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.finetune import test_two_processes as test
test.train(Path(sys.argv[1]), sys.argv[2], unfreeze=sys.argv[3] == "True")
"""


def tuning(folder: Path, base: str, *, unfreeze: bool) -> Tuning:
    recipe = TuningRecipe(
        method="con2", base=base, epochs=2, batch=4, rate=1e-3, unfreeze_image=unfreeze, distill=1.0
    )
    return Tuning(folder, recipe, load_alone(base), load_alone(base), pictures())


def train(folder: Path, base: str, *, unfreeze: bool) -> None:
    """What each process does."""
    run = tuning(folder, base, unfreeze=unfreeze)
    run.run(pictures())
    weights = {name: tensor.contiguous() for name, tensor in run.learning.weights().items()}
    save_file(weights, folder / f"process-{run.accelerator.process_index}.safetensors")
    run.accelerator.end_training()


def launch(folder: Path, base: str, *, unfreeze: bool) -> None:
    program = folder / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(port)]
    done = subprocess.run(
        [sys.executable, *launcher, str(program), str(folder / "run"), base, str(unfreeze)],
        env={**os.environ, **SETTINGS, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def by_hand(run: Tuning) -> None:
    """What two processes do, one after the other in this one."""
    run.steps = run.recipe.steps(len(pictures()) // 2)
    for step in range(run.steps):
        for group in run.optimiser.param_groups:
            group["lr"] = group["share"] * run.recipe.rate_at(step, run.steps)
        run.optimiser.zero_grad()
        for process in range(2):
            (step_loss(run.stage, default_rng([run.recipe.seed, step, process])) / 2).backward()
        torch.nn.utils.clip_grad_norm_(run.learning.parameters(), 1.0)
        run.optimiser.step()


@pytest.mark.slow
@pytest.mark.parametrize("unfreeze", [False, True], ids=["text", "both towers"])
def test_two_processes_end_with_the_weights_of_their_mean_gradient(tmp_path, unfreeze):
    base = f"local:{tiny.write_clip(tmp_path / 'base')}"
    launch(tmp_path, base, unfreeze=unfreeze)
    first, second = (load_file(tmp_path / "run" / f"process-{rank}.safetensors") for rank in range(2))
    alone = tuning(tmp_path / "alone", base, unfreeze=unfreeze)
    before = {name: tensor.clone() for name, tensor in alone.learning.weights().items()}
    by_hand(alone)
    for name, tensor in alone.learning.weights().items():
        assert torch.equal(first[name], second[name])
        np.testing.assert_allclose(first[name], tensor, atol=1e-5, err_msg=name)
    assert any(not torch.equal(before[name], tensor) for name, tensor in first.items())
    with pytest.raises(TrainingError, match=r"a run by 2 process\(es\); this one has 1"):
        tuning(tmp_path / "run", base, unfreeze=unfreeze)
