"""Which pictures a query is asked of: the whole gallery, or a pool that makes exclusion hard."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

CELL = 20
"""Pictures of each of the four cells of a hard pool."""

POOLS = 5
"""Random pools drawn for each query; its figure is their mean."""

Rows = NDArray[np.int64]


def hard_pool(
    wanted: NDArray[np.bool_],
    excluded: NDArray[np.bool_],
    rng: Generator,
    *,
    among: NDArray[np.bool_] | None = None,
    cell: int = CELL,
) -> Rows | None:
    """Rows of ``cell`` pictures of each kind: wanted or not, with what is excluded or not.

    By chance a quarter of the hits is right and half of them show what was excluded. In a gallery of natural
    prevalence pictures with both findings are so rare that ignoring the exclusion hardly shows.

    Args:
        wanted, excluded: shape (n,).
        among: the pictures to draw from, shape (n,); None for all.

    Returns:
        Shape (4 cell,), in the gallery's order; None where a cell has too few pictures.
    """
    allowed = np.ones_like(wanted) if among is None else among
    rows = []
    for has_wanted in (True, False):
        for has_excluded in (True, False):
            of_kind = np.flatnonzero((wanted == has_wanted) & (excluded == has_excluded) & allowed)
            if len(of_kind) < cell:
                return None
            rows.append(rng.choice(of_kind, cell, replace=False))
    return np.sort(np.concatenate(rows))


def balanced_pool(
    present: NDArray[np.bool_],
    rng: Generator,
    *,
    among: NDArray[np.bool_] | None = None,
    most: int | None = None,
) -> Rows | None:
    """Rows of as many pictures with a finding as without it: as many as there are, or ``most`` of each.

    Args:
        present: shape (n,).
        among: the pictures to draw from, shape (n,); None for all.

    Returns:
        In the gallery's order; None where there are none of one kind.
    """
    allowed = np.ones_like(present) if among is None else among
    with_it, without_it = np.flatnonzero(present & allowed), np.flatnonzero(~present & allowed)
    each = min(len(with_it), len(without_it), len(present) if most is None else most)
    if each == 0:
        return None
    chosen = (rng.choice(rows, each, replace=False) for rows in (with_it, without_it))
    return np.sort(np.concatenate(list(chosen)))
