"""The arithmetic of a plan: what each term says of an image, and a single vector that bounds the sum.

A plan scores a unit image embedding x as s(x) = Σₖ rₖ(x·vₖ) (docs/explanation/one-plan.md). In a centred
space x stands for (x − mean)/‖x − mean‖. All of this is NumPy in float64, row by row: the score of an image
depends on the plan and on that image alone, never on its neighbours or on how many were asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medneg.values import Linear, LogProbability, Plan, Repulsion, Response, Space

SMALLEST_NORM = 1e-6
"""Shorter than this, what is left of a float32 unit vector after centring is rounding; it counts as zero."""

_BLOCK = 1024
_TINY = 1e-300  # its logarithm is finite, and 0 times it is 0


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
        log_odds = response.slope * projection + response.intercept
        # log σ(t) without overflow; NumPy's logaddexp says the same in twice the time.
        return np.minimum(log_odds, 0.0) - np.log1p(np.exp(-np.abs(log_odds)))
    penalty: NDArray[Any] = response.weight * np.maximum(projection - response.bias, 0.0)
    return 0.0 - penalty


def bound(plan: Plan, shares: Sequence[float]) -> tuple[NDArray[np.float64], float]:
    """A vector u and a constant c with s(x) ≤ x·u + c for every x of the plan's space.

    Every response is concave and so lies below any line that touches it, and a sum of such lines is one
    product (docs/explanation/one-plan.md, eq. 3). Any shares give a bound; it is tight at the images where
    every term's line touches.

    Args:
        plan: any plan; if all its terms are linear, the bound is the score itself.
        shares: one λ in [0, 1] for each term, see ``line_above``; a linear term makes no use of its own.

    Returns:
        u, shape (d,), and c.

    Raises:
        ValueError: if there are not as many shares as terms, or one lies outside [0, 1].
    """
    if len(shares) != len(plan.terms) or not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"bound needs a share in [0, 1] for each of {len(plan.terms)} terms; got {shares!r}")
    vector, constant = np.zeros(plan.width, np.float64), 0.0
    for term, share in zip(plan.terms, shares, strict=True):
        slope, offset = line_above(term.response, share)
        vector += slope * term.direction.astype(np.float64)
        constant += float(offset)
    return vector, constant


def line_above(response: Response, share: Any) -> tuple[Any, Any]:
    """Slope g and offset h of a line with r(z) ≤ g·z + h for every z.

    λ, the share, tells how steep the line is, as a part of the steepest one: −w·relu(z − b) ≤ −λw(z − b), and
    log σ(t) ≤ λt − H(λ) with the entropy H(λ) = −λ log λ − (1 − λ) log(1 − λ), the tangent at σ(t) = 1 − λ.

    Args:
        response: of any kind.
        share: λ in [0, 1], or an array of them.
    """
    if isinstance(response, Linear):
        return response.weight + 0.0 * share, 0.0 * share
    if isinstance(response, Repulsion):
        return -share * response.weight, share * response.weight * response.bias
    rest = 1.0 - share
    entropy = -share * np.log(np.maximum(share, _TINY)) - rest * np.log(np.maximum(rest, _TINY))
    return share * response.slope, share * response.intercept - entropy
