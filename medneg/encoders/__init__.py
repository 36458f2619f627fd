"""Dual encoders by name: images and words become unit vectors of one space.

>>> from medneg import encoders
>>> [row.name for row in encoders.catalogue()][0]
'phantom'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from medneg.encoders.protocol import Encoder
from medneg.encoders.registry import DEFAULT, CatalogueRow, catalogue, load
from medneg.encoders.text_towers import TextTowerCard, text_towers

if TYPE_CHECKING:
    from medneg.encoders.heads import SHIPPED_HEADS, Head, HeadCard, head_for, heads, load_head

__all__ = [
    "DEFAULT",
    "SHIPPED_HEADS",
    "CatalogueRow",
    "Encoder",
    "Head",
    "HeadCard",
    "TextTowerCard",
    "catalogue",
    "head_for",
    "heads",
    "load",
    "load_head",
    "text_towers",
]


def __getattr__(name: str) -> Any:
    """What belongs to heads, which compute: listing the encoders does without NumPy."""
    if name in __all__:
        return getattr(import_module("medneg.encoders.heads"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
