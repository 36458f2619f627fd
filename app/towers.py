"""The text towers that the page offers: those inside medneg, and those that its operator named.

The address bar and the chooser know them by name only: nobody who writes an address can have a folder read
that the operator did not name, and no address tells where folders lie.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from medneg import encoders
from medneg.encoders.text_towers import TextTowerCard, find_text_tower, read_text_tower

NAMED = "MEDNEG_TEXT_ENCODERS"
"""The environment variable in which `medneg ui --text-encoder` hands folders over, as a JSON list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTower:
    """A text tower; ``location`` is what ``medneg.encoders.load`` takes for it."""

    name: str
    location: str
    card: TextTowerCard


def offered_towers(image_fingerprint: str) -> dict[str, OfferedTower]:
    """The towers that belong to an image tower, by name.

    Two of the same name are told apart by a number: "con2", "con2 2".

    Raises:
        UnknownName: if a folder that the operator named holds no text tower.
        EncoderError: if its card cannot be read.
    """
    shipped = {find_text_tower(card.name): card for card in encoders.text_towers()}
    known = shipped | {folder: read_text_tower(folder) for folder in _folders()}
    found: dict[str, OfferedTower] = {}
    for folder, card in known.items():
        if card.image_fingerprint == image_fingerprint:
            name = _free(card.name, found)
            found[name] = OfferedTower(name=name, location=str(folder), card=card)
    return found


def _folders() -> list[Path]:
    return [find_text_tower(folder) for folder in json.loads(os.environ.get(NAMED) or "[]")]


def _free(name: str, taken: dict[str, OfferedTower]) -> str:
    number = 1
    while (free := name if number == 1 else f"{name} {number}") in taken:
        number += 1
    return free
