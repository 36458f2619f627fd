"""The arithmetic of a plan: what each term says of an image, and a single vector that bounds the sum.

A plan scores a unit image embedding x as s(x) = Σₖ rₖ(x·vₖ) (docs/explanation/one-plan.md). In a centred
space x stands for (x − mean)/‖x − mean‖. All of this is NumPy in float64, row by row: the score of an image
depends on the plan and on that image alone, never on its neighbours or on how many were asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medneg.values import Linear, LogProbability, Plan, Repulsion, Response, Space

SMALLEST_NORM = 1e-6
"""Shorter than this, what is left of a float32 unit vector after centring is rounding; it counts as zero."""

_BLOCK = 1024


def contributions(plan: Plan, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """What every term of the plan adds to or takes from every image.

    Args:
        plan: terms of width d.
        vectors: unit image embeddings as stored, shape (n, d).

    Returns:
        Shape (n, terms).

    Raises:
        ValueError: if the embeddings are not as long as the plan's directions.
    """
    if vectors.ndim != 2 or vectors.shape[1] != plan.width:
        raise ValueError(f"this plan scores vectors of shape (n, {plan.width}); got {vectors.shape}")
    found = np.empty((len(vectors), len(plan.terms)), np.float64)
    for start in range(0, len(vectors), _BLOCK):
        images = enter(vectors[start : start + _BLOCK], plan.space)
        for k, term in enumerate(plan.terms):
            # Not a matrix product: BLAS may round a row differently when its neighbours change.
            projection = (images * term.direction.astype(np.float64)).sum(axis=1)
            found[start : start + _BLOCK, k] = respond(projection, term.response)
    return found


def score(plan: Plan, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Score images, shape (n, d) → (n,): the sum of their contributions in the order of the terms.

    Example:
        >>> from medneg.values import Term
        >>> towards = Term(direction=np.float32([1, 0]), response=Linear(weight=1.0), label="effusion")
        >>> plan = Plan(terms=(towards,), space=Space(image_fingerprint="toy"))
        >>> score(plan, np.float32([[1, 0], [0, 1]]))
        array([1., 0.])
    """
    return total(contributions(plan, vectors))


def total(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum contributions (n, terms) → (n,), term after term, so that one term alone keeps its every bit."""
    sums: NDArray[np.float64] = parts[:, 0].copy()
    for k in range(1, parts.shape[1]):
        sums += parts[:, k]
    return sums


def enter(vectors: NDArray[np.float32], space: Space) -> NDArray[np.float64]:
    """Take stored embeddings (n, d) into a plan's space; an image at the very mean becomes zero."""
    images = np.ascontiguousarray(vectors, np.float64)
    if space.mean is None:
        return images
    images = images - space.mean.astype(np.float64)
    norms = np.sqrt((images * images).sum(axis=1, keepdims=True))
    centred: NDArray[np.float64] = images / np.where(norms < SMALLEST_NORM, np.inf, norms)
    return centred


def respond(projection: NDArray[Any], response: Response) -> NDArray[Any]:
    """r(z) for an array of projections z.

    Example:
        >>> from medneg.values import Repulsion
        >>> respond(np.array([-1.0, 0.5, 1.0]), Repulsion(weight=2.0, bias=0.5))
        array([ 0.,  0., -1.])
    """
    if isinstance(response, Linear):
        return response.weight * projection
    if isinstance(response, LogProbability):
        return -np.logaddexp(0.0, -(response.slope * projection + response.intercept))
    penalty: NDArray[Any] = response.weight * np.maximum(projection - response.bias, 0.0)
    return 0.0 - penalty


def fold(plan: Plan) -> NDArray[np.float64]:
    """a, shape (d,): the one direction that all linear terms add up to."""
    found = np.zeros(plan.width, np.float64)
    for term in plan.terms:
        if isinstance(term.response, Linear):
            found += term.response.weight * term.direction.astype(np.float64)
    return found


def bound(plan: Plan, share: float) -> tuple[NDArray[np.float64], float]:
    """A vector u and a constant c with s(x) ≤ x·u + c for every x of the plan's space.

    relu(z) ≥ λz for every λ in [0, 1], so each repulsion −w·relu(x·n − b) is at most −λw(x·n − b), and what
    remains is linear (docs/explanation/one-plan.md, eq. 3).

    Args:
        plan: any plan; without repulsions the bound is the score itself.
        share: λ, in [0, 1].

    Returns:
        u, shape (d,), and c.

    Raises:
        ValueError: if ``share`` lies outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1]; got {share!r}")
    vector, constant = fold(plan), 0.0
    for term in plan.terms:
        if isinstance(term.response, Repulsion):
            weight = share * term.response.weight
            vector -= weight * term.direction.astype(np.float64)
            constant += weight * term.response.bias
    return vector, constant
