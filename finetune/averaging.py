"""The mean of tuned text towers, weight by weight: what two runs from one start agree on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from finetune.application import TrainingError
from medneg.encoders.text_towers import (
    WEIGHTS,
    TextTowerCard,
    find_text_tower,
    read_text_tower,
    write_text_tower,
)
from medneg.errors import SpaceMismatch


def average(names: Sequence[str], out: Path, *, command: str) -> Path:
    """Write the mean of text towers into ``out/text_tower``, in half precision.

    θ = (1/k) Σᵢ θᵢ: the uniform soup of Wortsman et al., "Model soups" (ICML 2022), section 2; of a tower and
    one that was tuned on from it, WiSE-FT (Wortsman et al., CVPR 2022) at α = ½. It makes sense for towers
    that were tuned from one start, whose weights lie in one basin.

    Args:
        names: at least two, as ``--text-encoder`` takes them.
        out: folder of the result.
        command: what was typed, for the record.

    Returns:
        The folder that ``--text-encoder`` takes.

    Raises:
        TrainingError: if there are fewer than two, or their tensors differ in names or shapes.
        SpaceMismatch: if they belong to different image towers.
        UnknownName: if one is no text tower.
    """
    if len(names) < 2:
        raise TrainingError(f"a mean needs at least two text towers; got {len(names)}")
    folders = [find_text_tower(name) for name in names]
    cards = [read_text_tower(folder) for folder in folders]
    if len({card.image_fingerprint for card in cards}) > 1:
        told = ", ".join(f"{card.name} ({card.base})" for card in cards)
        raise SpaceMismatch(
            f"these text towers belong to different image towers: {told}; average those of one"
        )
    states = [load_file(folder / WEIGHTS) for folder in folders]
    if any(_shapes(state) != _shapes(states[0]) for state in states):
        raise TrainingError(f"these text towers differ in their tensors: {', '.join(names)}")
    folder = out / "text_tower"
    write_text_tower(folder, _card(cards, out.resolve().name, command), _mean(states))
    return folder


def _mean(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Floating tensors are averaged in float32; what counts or indexes is the first one's."""
    return {
        name: torch.stack([state[name].float() for state in states]).mean(0).half()
        if first.is_floating_point()
        else first
        for name, first in states[0].items()
    }


def _shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}


def _card(cards: Sequence[TextTowerCard], name: str, command: str) -> TextTowerCard:
    """The first one's papers, and every step that led to any of them."""
    steps = dict.fromkeys(step for card in cards for step in card.lineage)
    return TextTowerCard(
        name=name,
        base=cards[0].base,
        image_fingerprint=cards[0].image_fingerprint,
        licence=cards[0].licence,
        notice=cards[0].notice,
        lineage=(*steps, f"mean of {len(cards)} text towers: {command}"),
    )
