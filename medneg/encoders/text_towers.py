"""A text tower by itself: tuned beside a frozen image tower, kept in a folder, put in place of the base's.

The folder holds ``text_tower.safetensors``, the tower's tensors by the names that the base's library gives
them, and ``text_tower.json``: whose image embeddings it belongs to, its licence and where it comes from.
Because the image tower stays as it was, an archive that was embedded with the base serves it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medneg.encoders.parts import Kind, read_card
from medneg.errors import EncoderError, SpaceMismatch
from medneg.values import EncoderCard

if TYPE_CHECKING:
    from torch import Tensor

    from medneg.encoders.dual import Towers

WEIGHTS = "text_tower.safetensors"
CARD = "text_tower.json"
SHIPPED = ("phantom-neg",)
"""Text towers inside this package, each for the embedded model."""
_KIND = Kind(
    name="text encoder", shipped=SHIPPED, weights=WEIGHTS, inside="text_tower", run="medneg-finetune"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTowerCard:
    """What is known of a tuned text tower.

    Attributes:
        name: how people call it.
        base: the encoder that it was tuned from, as ``medneg.encoders.load`` takes it.
        image_fingerprint: of the image tower that it belongs to.
        licence: the base's licence, which it inherits.
        notice: one sentence on what it may and may not be used for.
        lineage: what was done to it, oldest first, one sentence each.
    """

    name: str
    base: str
    image_fingerprint: str
    licence: str
    notice: str
    lineage: tuple[str, ...] = ()


def text_towers() -> tuple[TextTowerCard, ...]:
    """The text towers inside this package that are whole."""
    return tuple(read_text_tower(folder) for folder in _KIND.whole())


def find_text_tower(name: str) -> Path:
    """The folder of a text tower: a shipped name, a folder, or a run that has ``text_tower`` in it.

    Raises:
        UnknownName: if it is none of these.
    """
    return _KIND.find(name)


def write_text_tower(folder: Path, card: TextTowerCard, state: Mapping[str, Tensor]) -> None:
    """Keep a tower's tensors and its card in a folder, which is made if need be."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(asdict(card), indent=2) + "\n", encoding="utf-8")


def read_text_tower(folder: Path) -> TextTowerCard:
    """Read a text tower's card.

    Raises:
        EncoderError: if the folder's card is missing or cannot be read.
    """
    return read_card(TextTowerCard, folder / CARD, "text tower")


def put_text_tower(towers: Towers, card: EncoderCard, folder: Path) -> TextTowerCard:
    """Overwrite the tensors of a base's text tower with those of a folder.

    Args:
        towers: the base's, loaded for this purpose alone.
        card: the base's.
        folder: of the text tower.

    Raises:
        SpaceMismatch: if the text tower belongs to another image tower.
        EncoderError: if its tensors do not fit the base's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    told = read_text_tower(folder)
    if told.image_fingerprint != card.image_fingerprint:
        raise SpaceMismatch(
            f"the text encoder {told.name} belongs to the image tower of {told.base} "
            f"({told.image_fingerprint}), not to that of {card.name} ({card.image_fingerprint}); "
            f"use it with --encoder {told.base}"
        )
    try:
        state = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as err:
        raise EncoderError(f"{folder / WEIGHTS} cannot be loaded: {err}") from err
    if {name: tensor.shape for name, tensor in state.items()} != {
        name: tensor.shape for name, tensor in towers.text_state.items()
    }:
        raise EncoderError(
            f"the tensors in {folder / WEIGHTS} are not those of {card.name}'s text tower; "
            f"it was tuned from {told.base}"
        )
    for name, tensor in towers.text_state.items():
        tensor.copy_(state[name])  # the base's own memory: its module now computes with the new numbers
    return told
