"""How high an image may score: bounds from float16 vectors that hold for the float32 truth.

Two of them: one product bounds every row from above, one product per term bounds a few rows from both sides.
With ρ the matrix's rounding and ε = 2⁻²⁴, replacing x by its float16 form moves x·v by at most ρ‖v‖, and a
float32 sum of d products of unit vectors is wrong by at most dε‖v‖ in any order of summation; four times
that, and 16 more, also covers the arithmetic around it (and d·2⁻¹²⁴ what is too small for float32).
In a centred space |(x − m)/‖x − m‖ − (y − m)/‖y − m‖| ≤ 2|x − y|/(‖x − m‖ + ‖y − m‖), which divides the
error by the row's distance from the mean, less ρ/2. A row too near the mean may have any score.
All of this holds for a GPU's float32 too: it sums in another order, and rounds no more often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medneg.archive.matrix import ScanMatrix
from medneg.scoring import plan as arithmetic
from medneg.values import Linear, LogProbability, Plan, Repulsion, Response

if TYPE_CHECKING:
    from torch import Tensor

_TOUCHED = 40
_LARGEST = 1e30
_EPSILON = 2.0**-24
_DOUBLE_EPSILON = 2.0**-53
_UNDERFLOW = 2.0**-126  # float32 below it may be flushed to zero
_NARROW = 0.5  # of the rows: below it, gathering them is cheaper than going through all
_BOUNDED_AT_ONCE = 65_536

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class UpperBounds:
    """Upper bounds on the exact scores of rows, where they were computed: only what is chosen leaves a GPU.

    Attributes:
        values: float32, shape (m,), on some device.
        elsewhere: whether that is another device than the processor.
    """

    values: Tensor
    elsewhere: bool = False

    @classmethod
    def here(cls, values: Floats) -> UpperBounds:
        """Bounds in the processor's memory, shape (m,)."""
        import torch

        return cls(torch.from_numpy(values))

    def largest(self, count: int) -> Rows:
        """The rows with the ``count`` largest bounds, in any order."""
        if self.elsewhere:
            return np.asarray(self.values.topk(count, sorted=False).indices.cpu().numpy())
        return np.argpartition(self.values.numpy(), -count)[-count:]  # twice as fast as topk, on a processor

    def reaching(self, score: float) -> Rows:
        """The rows whose bounds are not below a score, ascending; perhaps some a rounding below it too.

        A score is rounded to float32 to be compared, which puts it above no float32 that it was not above.
        """
        if self.elsewhere:
            return np.asarray((self.values >= score).nonzero().flatten().cpu().numpy())
        return np.flatnonzero(self.values.numpy() >= score)

    def of(self, rows: Rows) -> Floats:
        """The bounds of some rows."""
        import torch

        if self.elsewhere:
            return np.asarray(self.values[torch.from_numpy(rows).to(self.values.device)].cpu().numpy())
        return np.asarray(self.values.numpy()[rows])


def upper_bounds(plan: Plan, matrix: ScanMatrix, *, rows: Rows | None, k: int) -> UpperBounds:
    """An upper bound on the exact score of every row, shape (m,), from one product with the matrix.

    Args:
        plan: of the matrix's width.
        matrix: the float16 rows.
        rows: the rows that may be ranked, ascending; None for all.
        k: how many are wanted: the bound is tightest for about the k-th best.
    """
    vector, constant = arithmetic.bound(plan, best_shares(plan, matrix, k=k).tolist())
    error = _error(matrix, float(np.linalg.norm(vector))) + _double_error(plan)
    constant += 4 * _EPSILON * abs(constant)
    bounds = products(matrix, vector, rows)
    if plan.space.mean is None:
        bounds += constant + error
    else:
        distances, near = _distances_there(matrix, plan.space.mean, rows)
        bounds -= float(vector @ plan.space.mean)
        bounds /= distances
        bounds += (distances - matrix.rounding / 2).reciprocal_().mul_(error).add_(constant)
        bounds.masked_fill_(near, float("inf"))
    return UpperBounds(bounds, elsewhere=matrix.device != "cpu")


def best_shares(plan: Plan, matrix: ScanMatrix, *, k: int) -> Doubles:
    """The λ of every term, shape (terms,), whose bound is tightest where the best rows are.

    Tried are the lines that touch the responses at each of a sample's best rows, and their means over
    several; those that leave the fewest candidates of the sample are taken. Any λ gives a valid bound, so the
    sample may ignore the filter and need not be exact.
    """
    return sampled_shares(plan, matrix.sample, k=k, count=len(matrix))


def sampled_shares(plan: Plan, sample: ScanMatrix, *, k: int, count: int) -> Doubles:
    """``best_shares`` for ``count`` images of which some rows are the sample."""
    responses = [term.response for term in plan.terms]
    if all(isinstance(response, Linear) for response in responses):
        return np.zeros(len(responses))
    z = _projections(plan, sample)
    scores = np.sum([arithmetic.respond(z[j], response) for j, response in enumerate(responses)], axis=0)
    best = np.argsort(-scores)[:_TOUCHED]
    shares = np.stack([_touching(z[j, best], response) for j, response in enumerate(responses)])
    shares = np.hstack([shares, *(shares[:, :m].mean(axis=1, keepdims=True) for m in (4, 8, 16, 32))])
    lines = [arithmetic.line_above(response, shares[j]) for j, response in enumerate(responses)]
    slopes, offsets = (np.stack(found).astype(np.float32) for found in zip(*lines, strict=True))
    # The k-th best of n images stands about here in the sample.
    place = min(max(k * len(sample) // count, 2), k, len(best))
    reach = scores[best[place - 1]] - offsets.sum(axis=0)
    candidates = np.count_nonzero(np.einsum("jc,js->cs", slopes, z) >= reach[:, None], axis=1)
    return np.asarray(shares[:, candidates.argmin()])


def _touching(z: Floats, response: Response) -> Doubles:
    """The share of the line that touches a response at z, as in ``medneg.scoring.plan.line_above``."""
    if isinstance(response, LogProbability):
        return np.asarray(
            0.5 - 0.5 * np.tanh((response.slope * z.astype(np.float64) + response.intercept) / 2)
        )
    return np.asarray(z > response.bias if isinstance(response, Repulsion) else np.zeros(len(z)), np.float64)


def term_bounds(plan: Plan, matrix: ScanMatrix, rows: Rows) -> tuple[Doubles, Doubles]:
    """Bounds from below and above on the exact scores of some rows, shape (m,), from one product per term.

    Responses are monotone, so what a projection within z ± e contributes lies between r(z − e) and r(z + e).
    """
    lower = np.full(len(rows), -_double_error(plan))
    upper = -lower
    for start in range(0, len(rows), _BOUNDED_AT_ONCE):
        place = slice(start, start + _BOUNDED_AT_ONCE)
        projections = _projections(plan, matrix, rows[place]).astype(np.float64)
        errors = _projection_errors(plan, matrix, rows[place])
        for term, z, error in zip(plan.terms, projections, errors, strict=True):
            ends = arithmetic.respond(z - error, term.response), arithmetic.respond(z + error, term.response)
            lower[place] += np.minimum(*ends)
            upper[place] += np.maximum(*ends)
    if plan.space.mean is not None:
        near = _distances(matrix, plan.space.mean, rows)[1]
        lower[near], upper[near] = -np.inf, np.inf
    return lower, upper


def _projections(plan: Plan, matrix: ScanMatrix, rows: Rows | None = None) -> Floats:
    """x₁₆·vₖ of some rows, or all, in the plan's space, shape (terms, m), from float32 sums."""
    import torch

    directions = np.stack([term.direction for term in plan.terms])
    towards = torch.from_numpy(directions).to(matrix.device)
    count = len(matrix) if rows is None else len(rows)
    found = torch.empty((len(directions), count), device=matrix.device)

    def project(place: slice, piece: Tensor) -> None:
        found[:, place] = towards @ piece.T

    matrix.visit(project, rows)
    z: Floats = found.cpu().numpy()
    if plan.space.mean is not None:
        z -= (directions.astype(np.float64) @ plan.space.mean).astype(np.float32)[:, None]
        z /= _distances(matrix, plan.space.mean, rows)[0]
    return z


def _projection_errors(plan: Plan, matrix: ScanMatrix, rows: Rows) -> Doubles:
    """How far x·vₖ may be from ``_projections``, shape (terms, m): as in ``upper_bounds``, for each term."""
    lengths = [float(np.linalg.norm(term.direction.astype(np.float64))) for term in plan.terms]
    errors = np.array([[_error(matrix, length)] for length in lengths])
    if plan.space.mean is None:
        return np.repeat(errors, len(rows), axis=1)
    distances, _ = _distances(matrix, plan.space.mean, rows)
    return np.asarray(errors / (distances - matrix.rounding / 2))


def _error(matrix: ScanMatrix, length: float) -> float:
    """The largest error of a product with a vector of some length, see ``upper_bounds``."""
    rounding = matrix.rounding + (4 * matrix.width + 16) * _EPSILON
    return length * rounding + 4 * matrix.width * _UNDERFLOW


def _double_error(plan: Plan) -> float:
    """The largest error of an exact score, for it is a float64 sum whose terms may cancel."""
    return (plan.width + 8 * len(plan.terms)) * _DOUBLE_EPSILON * magnitude(plan)


def products(matrix: ScanMatrix, vector: Doubles, rows: Rows | None = None) -> Tensor:
    """x₁₆·u of some rows, or all, shape (m,), from float32 sums; it lies where the matrix does."""
    import torch

    gather = rows if rows is not None and len(rows) < _NARROW * len(matrix) else None
    towards = torch.from_numpy(vector.astype(np.float32)).to(matrix.device)
    found = torch.empty(len(matrix) if gather is None else len(gather), device=matrix.device)

    def multiply(place: slice, piece: Tensor) -> None:
        torch.mv(piece, towards, out=found[place])

    matrix.visit(multiply, gather)
    return found if rows is None or gather is not None else found[torch.from_numpy(rows).to(matrix.device)]


def require_rankable(plan: Plan, k: int, width: int, *, of: str = "space") -> None:
    """Refuse what no index can rank by.

    Args:
        plan: what is searched for.
        k: how many images are wanted.
        width: d of the vectors.
        of: what holds them, for the message.

    Raises:
        ValueError: if k is below 1, or the plan is not finite or not as wide as the vectors.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    if plan.width != width:
        raise ValueError(f"the plan has width {plan.width}, the {of} {width}")
    if not magnitude(plan) < _LARGEST:
        raise ValueError(f"the directions, weights and offsets of a plan must be finite and below {_LARGEST}")


def magnitude(plan: Plan) -> float:
    """How large what is summed up in a score may be, before terms cancel."""
    total = 0.0
    for term in plan.terms:
        slope, offset = arithmetic.line_above(term.response, 1.0)
        total += abs(slope) * float(np.linalg.norm(term.direction.astype(np.float64))) + abs(offset) + 1
    return total


def _distances_there(matrix: ScanMatrix, mean: Floats, rows: Rows | None) -> tuple[Tensor, Tensor]:
    """``_distances`` on the matrix's device."""
    import torch

    distances, near = (torch.from_numpy(found) for found in _distances(matrix, mean, rows))
    return distances.to(matrix.device), near.to(matrix.device)


def _distances(matrix: ScanMatrix, mean: Floats, rows: Rows | None) -> tuple[Floats, NDArray[np.bool_]]:
    """How far rows lie from the mean, kept off zero, and which lie so near that rounding decides."""
    floor = np.float32(2 * matrix.rounding + 10 * arithmetic.SMALLEST_NORM)
    distances = matrix.distances(mean)
    distances = distances if rows is None else distances[rows]
    return np.maximum(distances, floor), distances <= floor
