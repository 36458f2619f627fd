"""Exact search of a scan matrix: one float16 product finds candidates, the float32 truth ranks them.

A plan with repulsions costs one product like any other: its score is bounded from above by a single vector
(``medneg.scoring.plan.bound``). Every row gets an upper bound on its exact score, with the error of float16
storage and of float32 sums added; rows are rescored exactly, best bound first, until no row left out can
reach the k-th best exact score. That is the certificate (docs/explanation/one-plan.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medneg.archive.matrix import ScanMatrix, threads
from medneg.scoring import plan as arithmetic
from medneg.values import Plan, Repulsion, Response

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The λ that are tried for the bound."""

FIRST_CANDIDATES = 64

_EPSILON = 2.0**-24
_UNDERFLOW = 2.0**-126  # float32 below it may be flushed to zero
_NARROW = 0.5  # of the rows: below it, gathering them is cheaper than going through all
_FETCHED_AT_ONCE = 8192

Rows = NDArray[np.int64] | None
Fetch = Callable[[NDArray[np.int64]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """The best images of a plan, best first; equal scores stand in the order of their ids.

    Attributes:
        ids: shape (m,), m ≤ k.
        scores: exact scores over the float32 truth, shape (m,).
        contributions: per term of the plan, shape (m, terms); a score is the sum of its row.
        exact: whether it is proved that no other row belongs here.
        rescored: how many rows were scored exactly to prove it.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    contributions: NDArray[np.float64]
    exact: bool
    rescored: int


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
        ValueError: if k is below 1, or the mask or the plan does not fit the matrix.
    """
    _check(plan, matrix, k, mask)
    rows = None if mask is None else np.flatnonzero(mask)
    ids = matrix.ids if rows is None else matrix.ids[rows]
    k, count = min(k, len(ids)), max(FIRST_CANDIDATES, 2 * k)
    if k == 0:
        return Ranking(
            ids=ids[:0],
            scores=np.empty(0),
            contributions=np.empty((0, len(plan.terms))),
            exact=True,
            rescored=0,
        )
    bounds = upper_bounds(plan, matrix, rows=rows, k=k)
    while True:
        count = min(count, len(ids))
        best = np.argpartition(bounds, -count)[-count:]
        parts = _rescore(plan, ids[best], fetch)
        scores = arithmetic.total(parts)
        order = np.lexsort((ids[best], -scores))[:k]
        within_reach = int(np.count_nonzero(bounds >= scores[order[-1]]))
        if within_reach <= count:
            return Ranking(
                ids=ids[best[order]],
                scores=scores[order],
                contributions=parts[order],
                exact=True,
                rescored=count,
            )
        count = min(2 * count, within_reach)


def upper_bounds(plan: Plan, matrix: ScanMatrix, *, rows: Rows, k: int) -> NDArray[np.float32]:
    """An upper bound on the exact score of every row, shape (m,), from one product with the matrix.

    With u and c from ``medneg.scoring.plan.bound``, ρ the matrix's rounding and ε = 2⁻²⁴: replacing x by its
    float16 form moves x·u by at most ρ‖u‖, and a float32 sum of d products of unit vectors is wrong by at
    most dε‖u‖ in any order of summation; four times that, and 16 more, also covers the arithmetic around it
    (and d·2⁻¹²⁴ what is too small for float32).
    In a centred space |(x − m)/‖x − m‖ − (y − m)/‖y − m‖| ≤ 2|x − y|/(‖x − m‖ + ‖y − m‖), which divides the
    error by the row's distance from the mean, less ρ/2. A row too near the mean is always a candidate.
    """
    share = best_share(plan, matrix, k=k)
    vector, constant = arithmetic.bound(plan, share)
    length, rounding = float(np.linalg.norm(vector)), matrix.rounding
    error = length * (rounding + (4 * plan.width + 16) * _EPSILON) + 4 * plan.width * _UNDERFLOW
    constant += 4 * _EPSILON * abs(constant)
    products = _products(matrix, vector, rows)
    if plan.space.mean is None:
        return products + np.float32(constant + error)
    distances, near = _distances(matrix, plan.space.mean, rows)
    bounds = (products - np.float32(vector @ plan.space.mean)) / distances
    bounds += np.float32(error) / (distances - np.float32(rounding / 2)) + np.float32(constant)
    bounds[near] = np.inf
    return bounds


def best_share(plan: Plan, matrix: ScanMatrix, *, k: int) -> float:
    """The λ whose bound is tightest where the best rows are: fewest candidates on a sample of all rows.

    Every λ gives a valid bound, so the sample may ignore the filter and need not be exact.
    """
    if not any(isinstance(term.response, Repulsion) for term in plan.terms):
        return SHARES[0]
    pairs = list(zip(_projections(plan, matrix), (term.response for term in plan.terms), strict=True))
    scores = np.sum([arithmetic.respond(z, response) for z, response in pairs], axis=0)
    reach = np.sort(scores)[-min(k, len(scores))]

    def candidates(share: float) -> int:
        bounds = np.sum([_relax(z, response, share) for z, response in pairs], axis=0)
        return int(np.count_nonzero(bounds >= reach))

    return min(SHARES, key=candidates)


def _relax(z: NDArray[Any], response: Response, share: float) -> NDArray[Any]:
    """The linear bound of one response: −λw(z − b) for a repulsion, the response itself otherwise."""
    if isinstance(response, Repulsion):
        return -share * response.weight * (z - response.bias)
    return arithmetic.respond(z, response)


def _projections(plan: Plan, matrix: ScanMatrix) -> NDArray[np.float32]:
    """x·vₖ of the sample in the plan's space, shape (terms, s), good enough to choose λ by."""
    directions = np.stack([term.direction for term in plan.terms])
    with threads():
        found: NDArray[np.float32] = (
            torch.from_numpy(directions) @ torch.from_numpy(matrix.sample()).T
        ).numpy()
    if plan.space.mean is not None:
        found -= (directions @ plan.space.mean)[:, None]
        found /= _distances(matrix, plan.space.mean, matrix.sample_rows)[0]
    return found


def _products(matrix: ScanMatrix, vector: NDArray[np.float64], rows: Rows) -> NDArray[np.float32]:
    """x₁₆·u of every row that may be ranked, shape (m,), summed in float32."""
    gather = rows if rows is not None and len(rows) < _NARROW * len(matrix) else None
    towards = torch.from_numpy(vector.astype(np.float32))
    found = torch.empty(len(matrix) if gather is None else len(gather))
    with threads():
        for place, piece in matrix.blocks(gather):
            torch.mv(piece, towards, out=found[place])
    products = found.numpy()
    return products if rows is None or gather is not None else products[rows]


def _distances(
    matrix: ScanMatrix, mean: NDArray[np.float32], rows: Rows
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """How far rows lie from the mean, kept off zero, and which lie so near that rounding decides."""
    floor = np.float32(2 * matrix.rounding + 10 * arithmetic.SMALLEST_NORM)
    distances = matrix.distances(mean)
    distances = distances if rows is None else distances[rows]
    return np.maximum(distances, floor), distances <= floor


def _rescore(plan: Plan, ids: NDArray[np.int64], fetch: Fetch) -> NDArray[np.float64]:
    """Exact contributions of some images, shape (m, terms); the truth is fetched in portions."""
    portions = range(0, len(ids), _FETCHED_AT_ONCE)
    return np.concatenate(
        [arithmetic.contributions(plan, fetch(ids[i : i + _FETCHED_AT_ONCE])) for i in portions]
    )


def _check(plan: Plan, matrix: ScanMatrix, k: int, mask: NDArray[np.bool_] | None) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    if plan.width != matrix.width:
        raise ValueError(f"the plan has width {plan.width}, the matrix {matrix.width}")
    if mask is not None and mask.shape != (len(matrix),):
        raise ValueError(f"a mask must have shape ({len(matrix)},); got {mask.shape}")
