"""Which pictures a query is asked of: the whole gallery, or a pool that makes exclusion hard."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

CELL = 20
"""Pictures of each of the four cells of a hard pool."""

Rows = NDArray[np.int64]


def hard_pool(
    wanted: NDArray[np.bool_], excluded: NDArray[np.bool_], rng: Generator, *, cell: int = CELL
) -> Rows | None:
    """Rows of ``cell`` pictures of each kind: wanted or not, with what is excluded or not.

    By chance a quarter of the hits is right and half of them show what was excluded. In a gallery of natural
    prevalence pictures with both findings are so rare that ignoring the exclusion hardly shows.

    Returns:
        Shape (4 cell,), in the gallery's order; None where a cell has too few pictures.
    """
    rows = []
    for has_wanted in (True, False):
        for has_excluded in (True, False):
            of_kind = np.flatnonzero((wanted == has_wanted) & (excluded == has_excluded))
            if len(of_kind) < cell:
                return None
            rows.append(rng.choice(of_kind, cell, replace=False))
    return np.sort(np.concatenate(rows))


def balanced_pool(present: NDArray[np.bool_], rng: Generator) -> Rows | None:
    """Rows of as many pictures with a finding as without it, as many as there are.

    Returns:
        In the gallery's order; None where there are none of one kind.
    """
    with_it, without_it = np.flatnonzero(present), np.flatnonzero(~present)
    each = min(len(with_it), len(without_it))
    if each == 0:
        return None
    chosen = (rng.choice(rows, each, replace=False) for rows in (with_it, without_it))
    return np.sort(np.concatenate(list(chosen)))
