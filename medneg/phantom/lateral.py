"""The chest from the side."""

from __future__ import annotations
import numpy as np
from numpy import float32
from medneg.phantom.geometry import Map
from medneg.phantom.truth import Picture


def draw_lateral(picture: Picture) -> Map:
    """placeholder"""
    return np.zeros((picture.technique.rows, picture.technique.columns), dtype=float32)
