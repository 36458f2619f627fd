"""A tuned encoder with both its towers, in the format that its base has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from finetune.application import TrainingError
from finetune.dual_encoder import half
from medneg.encoders.checkpoint import WEIGHTS, read_checkpoint
from medneg.encoders.registry import checkpoint_folder
from medneg.values import EncoderCard

DESCRIBES = {".json", ".txt", ".model"}
"""Endings of the files that say how a model is built and how it reads."""


def base_folder(name: str) -> Path:
    """Where the base's files lie.

    Raises:
        TrainingError: if it is one of open_clip's own pairs, of which only a file of weights is here.
    """
    folder = checkpoint_folder(name)
    if folder is None:
        raise TrainingError(
            f"{name} lies in no folder of its own, so a tuned copy of it cannot be written; save it in "
            "open_clip's format and tune local:FOLDER, or tune the text tower alone"
        )
    return folder


def export_encoder(
    folder: Path, base: Path, state: Mapping[str, Tensor], card: EncoderCard, lineage: tuple[str, ...]
) -> None:
    """Write a copy of the base with other weights, in half precision, and what must be said of it.

    Args:
        folder: gets the encoder, for ``--encoder local:FOLDER``.
        base: folder of the base.
        state: all tensors of both towers, by the base's names.
        card: the base's; licence, template and findings are inherited.
        lineage: what was done to it, oldest first.
    """
    kind = read_checkpoint(base).format
    for file in sorted(base.rglob("*")):
        if file.suffix in DESCRIBES and not file.name.endswith(".index.json"):
            copy = folder / file.relative_to(base)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    weights = folder / WEIGHTS[kind][0]
    save_file({name: half(tensor).cpu() for name, tensor in state.items()}, weights, {"format": "pt"})
    weights.chmod(0o644)  # safetensors writes for the owner only
    told = {
        "licence": card.licence,
        "notice": f"{card.notice} Both its towers were tuned to hear negation.",
        "template": card.template,
        "findings": None if card.findings is None else list(card.findings),
        "lineage": list(lineage),
    }
    (folder / "card.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
