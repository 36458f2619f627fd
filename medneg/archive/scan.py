"""Exact search of a scan matrix: one float16 product finds candidates, the float32 truth ranks them.

Any plan costs one product, like plain cosine: a single vector bounds its score from above
(``medneg.scoring.plan.bound``). Every row gets an upper bound on its exact score, with the error of float16
storage and of float32 sums added; rows are rescored exactly, best bound first, until no row left out can
reach the k-th best exact score. Where the single vector leaves too many rows in reach, these get a narrower
bound from one product per term. That is the certificate (docs/explanation/one-plan.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from medneg.archive.bounds import (
    Doubles,
    Floats,
    Rows,
    UpperBounds,
    require_rankable,
    term_bounds,
    upper_bounds,
)
from medneg.archive.matrix import ScanMatrix
from medneg.archive.ranking import Ranking, Scored
from medneg.values import Linear, Plan

FIRST_CANDIDATES = 64

FETCHED_AT_ONCE = 8192
"""Rows of the truth that are held at once: 16 MB of 512 float32 each."""

_FIRST_NARROWED = 1024
_GROWTH = 8
_SLACK = 1e-9

Fetch = Callable[[Rows], Floats]


def top_k(
    plan: Plan,
    matrix: ScanMatrix,
    k: int,
    *,
    fetch: Fetch,
    mask: NDArray[np.bool_] | None = None,
) -> Ranking:
    """Rank the images of a matrix by a plan's exact scores.

    Args:
        plan: of the matrix's width.
        matrix: float16 rows and the ids they stand for.
        k: how many images are wanted, at least 1.
        fetch: ids, shape (m,) → the float32 truth, shape (m, d), in the same order.
        mask: shape (n,), the rows that may be ranked; None for all.

    Returns:
        min(k, rows that may be ranked) images.

    Raises:
        ValueError: if k is below 1, the plan is not finite, or the mask or the plan does not fit the matrix.
    """
    require_rankable(plan, k, matrix.width, of="matrix")
    if mask is not None and mask.shape != (len(matrix),):
        raise ValueError(f"a mask must have shape ({len(matrix)},); got {mask.shape}")
    rows = None if mask is None else np.flatnonzero(mask)
    left = len(matrix) if rows is None else len(rows)
    k, count = min(k, left), max(FIRST_CANDIDATES, 2 * k)
    if k == 0:
        return Scored(plan).best(0, exact=True)
    bounds = upper_bounds(plan, matrix, rows=rows, k=k)
    curved = not all(isinstance(term.response, Linear) for term in plan.terms)
    while True:
        count = min(count, left)
        best = bounds.largest(count)
        ranking = _rescore(plan, matrix, best if rows is None else rows[best], k=k, fetch=fetch)
        within = bounds.reaching(float(ranking.scores[-1]))
        if len(within) <= count:
            return ranking
        rows, values = (within if rows is None else rows[within]), bounds.of(within)
        if curved:
            rows, values = _narrowed(plan, matrix, rows, values, k=k)
            curved = False
        else:
            count *= _GROWTH
        bounds, left = UpperBounds.here(values), len(rows)


def _narrowed(plan: Plan, matrix: ScanMatrix, rows: Rows, bounds: Floats, *, k: int) -> tuple[Rows, Floats]:
    """The rows that are still in reach once every term of theirs is bounded by itself, and their bounds."""
    count = min(max(_FIRST_NARROWED, 2 * k), len(rows))
    first = np.argpartition(bounds, -count)[-count:]
    lower, upper = term_bounds(plan, matrix, rows[first])
    reach = np.partition(lower, -k)[-k]
    others = bounds >= reach
    others[first] = False
    bounds[first] = np.minimum(bounds[first], _float32_above(upper))
    _, upper = term_bounds(plan, matrix, rows[others])
    bounds[others] = np.minimum(bounds[others], _float32_above(upper))
    return rows[bounds >= reach], bounds[bounds >= reach]


def _float32_above(bounds: Doubles) -> Floats:
    return np.nextafter(bounds.astype(np.float32), np.float32(np.inf))


def _rescore(plan: Plan, matrix: ScanMatrix, rows: Rows, *, k: int, fetch: Fetch) -> Ranking:
    """Rank some rows by their exact scores; the truth is fetched in portions."""
    scored, held = Scored(plan), True
    for start in range(0, len(rows), FETCHED_AT_ONCE):
        some = rows[start : start + FETCHED_AT_ONCE]
        truth = fetch(matrix.ids[some])
        scored.add(matrix.ids[some], truth)
        apart = np.linalg.norm(truth.astype(np.float64) - matrix.vectors[some], axis=1)
        held &= bool((apart <= matrix.rounding * (1 + _SLACK)).all())
    return scored.best(k, exact=held)
