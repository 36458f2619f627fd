"""Dual encoders by name: images and words become unit vectors of one space.

>>> from medneg import encoders
>>> [row.name for row in encoders.catalogue()][0]
'phantom'
"""

from medneg.encoders.heads import SHIPPED as SHIPPED_HEADS
from medneg.encoders.heads import Head, HeadCard, head_for, heads, load_head
from medneg.encoders.protocol import Encoder
from medneg.encoders.registry import DEFAULT, CatalogueRow, catalogue, load
from medneg.encoders.text_towers import TextTowerCard, text_towers

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
