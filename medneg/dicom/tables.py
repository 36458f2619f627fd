"""Whole pictures through small tables: how often each cell content occurs, and one look-up per pixel.

NumPy widens indices to 64 bits before it counts or looks up. Block by block that copy stays in the
processor's cache, which halves the time for a detector's picture; the result is the same to the last bit.
"""

from __future__ import annotations

import numpy as np
from numpy import float32, int64
from numpy.typing import NDArray

Cells = NDArray[np.uint8] | NDArray[np.uint16]

_BLOCK = 2**16


def count(cells: Cells) -> NDArray[int64]:
    """How many cells hold each possible content.

    Args:
        cells: any shape.

    Returns:
        Shape (256,) or (65536,), as wide as the cells' type.

    Example:
        >>> count(np.array([[3, 3], [0, 3]], np.uint8))[:4].tolist()
        [1, 0, 0, 3]
    """
    flat, size = cells.ravel(), np.iinfo(cells.dtype).max + 1
    counts = np.zeros(size, int64)
    for start in range(0, len(flat), 4 * _BLOCK):
        counts += np.bincount(flat[start : start + 4 * _BLOCK], minlength=size)
    return counts


def look_up(table: NDArray[float32], cells: Cells) -> NDArray[float32]:
    """The table's entry for every cell.

    Args:
        table: one entry for every content that the cells' type can have, shape (256,) or (65536,).
        cells: any shape.

    Returns:
        float32, shape of ``cells``.

    Example:
        >>> look_up(np.linspace(0, 1, 256, dtype=np.float32), np.array([[0, 255]], np.uint8))
        array([[0., 1.]], dtype=float32)
    """
    if len(table) != np.iinfo(cells.dtype).max + 1:
        raise ValueError(f"a table for {cells.dtype} needs an entry for every value; got {len(table)}")
    flat = cells.ravel()
    found = np.empty(len(flat), float32)
    for start in range(0, len(flat), _BLOCK):
        end = start + _BLOCK
        # No index can be out of range; any mode but "raise" spares NumPy a copy.
        np.take(table, flat[start:end], out=found[start:end], mode="clip")
    return found.reshape(cells.shape)
