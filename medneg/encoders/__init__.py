"""Dual encoders by name: images and words become unit vectors of one space.

>>> from medneg import encoders
>>> [row.name for row in encoders.catalogue()][0]
'phantom'
"""

from medneg.encoders.protocol import Encoder
from medneg.encoders.registry import DEFAULT, CatalogueRow, catalogue, load
from medneg.encoders.text_towers import TextTowerCard, text_towers

__all__ = ["DEFAULT", "CatalogueRow", "Encoder", "TextTowerCard", "catalogue", "load", "text_towers"]
