"""A plan in PostgreSQL's words: no image scores more over its truth than the formula says over its half.

The server holds x₁₆, an image's vector rounded to float16. In the place of a direction v it is sent
h = half(v/‖v‖), and it says p, the float32 sum of the d products in x₁₆·h, each of which is exact. Rounding a
unit vector moves it by at most ρ = 2⁻¹¹ + 2⁻²⁵√d, and δ = ‖v/‖v‖ − h‖ is known, so with ε = 2⁻²⁴

    |x·v − ‖v‖p| ≤ ‖v‖e,   e = (1 + τ)(ρ + δ + 2dε)

where τ covers vectors that are not quite of unit length. In a centred space x stands for (x − m)/D with
D = ‖x − m‖, and for D the server says q = ‖x₁₆ − half(m)‖, which is wrong by at most e′, made as e is. As
|x·v − m·v| ≤ D‖v‖,

    |(x·v − m·v)/D − (‖v‖p − m·v)/q| ≤ ‖v‖(e + e′)/q

An image so near the mean that q is about e′ may have any score. A response is monotone, so its value at the
end of that interval on which it is greater bounds what the term says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Double,
    FromClause,
    Label,
    SQLColumnExpression,
    case,
    cast,
    func,
    literal,
)

from medneg.archive.bounds import magnitude
from medneg.archive.halfvec import Halfvec
from medneg.scoring import plan as arithmetic
from medneg.values import Linear, LogProbability, Plan, Repulsion, Response

_HALF_EPSILON, _HALF_SMALLEST = 2.0**-11, 2.0**-25
_EPSILON = 2.0**-24
_DOUBLE_EPSILON = 2.0**-53
_NOT_QUITE_UNIT = 2e-3
_LARGEST_EXPONENT = 700.0  # PostgreSQL's exp() refuses what overflows or vanishes

Doubles = NDArray[np.float64]
Halves = NDArray[np.float16]
Number = ColumnElement[float]
Vector = SQLColumnExpression[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """A vector v as the server gets it.

    Attributes:
        half: about v/‖v‖, shape (d,).
        length: ‖v‖.
        error: how far p may be from x·v/‖v‖ over the truth, for any image.
    """

    half: Halves
    length: float
    error: float

    @classmethod
    def of(cls, vector: Doubles) -> Direction:
        """A vector that is finite; it may be zero."""
        length = float(np.linalg.norm(vector))
        unit = vector / length if length > 0 else vector
        half = unit.astype(np.float16)
        return cls(half, length, _error(unit, half))

    def product(self, vector: Vector) -> Number:
        """p, from a column of halves."""
        found: Number = vector.op("<#>", return_type=Double())(cast(literal(self.half, Halfvec()), Halfvec()))
        return -found

    def agrees(self, vectors: NDArray[np.float32], products: Doubles) -> NDArray[np.bool_]:
        """Whether products (m,) that the server found may be those of vectors (m, d) of the truth."""
        own = (vectors * self.half.astype(np.float64)).sum(axis=1)
        return np.asarray(np.abs(own - products) <= 2 * self.error)


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """Σ rₖ(x·vₖ) + constant, as a bound from above.

    Attributes:
        directions: of the summands.
        shifts: m·vₖ in a centred space, 0 in the raw one.
        responses: of the summands.
        mean: of the space, as a direction of length one; None in the raw space.
        constant: what is added in the end, what float64 may lose in the sum included.
    """

    directions: tuple[Direction, ...]
    shifts: tuple[float, ...]
    responses: tuple[Response, ...]
    mean: Direction | None
    constant: float

    @classmethod
    def of_plan(cls, plan: Plan) -> Formula:
        """What the plan says itself: one product for all its linear terms, and one for each of the others."""
        straight, vectors, responses = np.zeros(plan.width), list[Doubles](), list[Response]()
        for term in plan.terms:
            vector = term.direction.astype(np.float64)
            if isinstance(term.response, Linear):
                straight += term.response.weight * vector
            else:
                vectors.append(vector)
                responses.append(term.response)
        if len(vectors) < len(plan.terms):
            vectors, responses = [straight, *vectors], [Linear(weight=1.0), *responses]
        return _formula(plan, vectors, responses, 0.0)

    @classmethod
    def of_bound(cls, plan: Plan, shares: Sequence[float]) -> Formula:
        """What bounds the plan with one product alone, see ``medneg.scoring.plan.bound``."""
        vector, constant = arithmetic.bound(plan, shares)
        return _formula(plan, [vector], [Linear(weight=1.0)], constant)

    def products(self, vector: Vector, prefix: str) -> list[Label[float]]:
        """What the server computes of a column of halves, once for each image."""
        found = [each.product(vector).label(f"{prefix}{j}") for j, each in enumerate(self.directions)]
        if self.mean is not None:
            centre = cast(literal(self.mean.half, Halfvec()), Halfvec())
            found.append(vector.op("<->", return_type=Double())(centre).label(f"{prefix}_distance"))
        return found

    def bound(self, computed: FromClause, prefix: str) -> Number:
        """The bound, from a query's ``products``."""
        distance = None if self.mean is None else computed.c[f"{prefix}_distance"]
        total: Number = literal(self.constant, Double())
        for j in range(len(self.directions)):
            total = total + self._summand(j, computed.c[f"{prefix}{j}"], distance)
        if distance is None:
            return total
        return case((distance < self._nearest(), literal(math.inf, Double())), else_=total)

    def _summand(self, j: int, product: Number, distance: Number | None) -> Number:
        direction, response = self.directions[j], self.responses[j]
        error = direction.length * (direction.error + (self.mean.error if self.mean else 0.0))
        end = error if _rises(response) else -error
        moved = direction.length * product + literal(end - self.shifts[j], Double())
        if distance is not None:
            moved = moved / func.greatest(distance, self._nearest())
        return _respond(moved, response)

    def _nearest(self) -> float:
        """How near the mean an image has a direction that its half still tells."""
        return 2 * (self.mean.error if self.mean else 0.0) + 10 * arithmetic.SMALLEST_NORM


def _formula(
    plan: Plan, vectors: Sequence[Doubles], responses: Sequence[Response], constant: float
) -> Formula:
    mean = None if plan.space.mean is None else plan.space.mean.astype(np.float64)
    lost = (plan.width + 32 * len(plan.terms)) * _DOUBLE_EPSILON * (magnitude(plan) + abs(constant))
    return Formula(
        directions=tuple(Direction.of(vector) for vector in vectors),
        shifts=tuple(0.0 if mean is None else float(mean @ vector) for vector in vectors),
        responses=tuple(responses),
        mean=None if mean is None else _centre(mean),
        constant=constant + lost,
    )


def _centre(mean: Doubles) -> Direction:
    half = mean.astype(np.float16)
    return Direction(half, 1.0, _error(mean, half))


def _error(vector: Doubles, half: Halves) -> float:
    """e of the module for a vector whose half is sent, of length one or less."""
    width = len(vector)
    rounding = _HALF_EPSILON + _HALF_SMALLEST * math.sqrt(width)
    apart = float(np.linalg.norm(vector - half.astype(np.float64)))
    return (1 + _NOT_QUITE_UNIT) * (rounding + apart + (4 * width + 16) * _EPSILON)


def _rises(response: Response) -> bool:
    if isinstance(response, LogProbability):
        return response.slope > 0
    return isinstance(response, Linear) and response.weight > 0


def _respond(z: Number, response: Response) -> Number:
    """r(z), as ``medneg.scoring.plan.respond`` has it; z is written once, or it would be computed twice."""
    if isinstance(response, Linear):
        return literal(response.weight, Double()) * z
    if isinstance(response, Repulsion):
        return literal(-response.weight, Double()) * func.greatest(z - literal(response.bias, Double()), 0.0)
    log_odds: Number = literal(-response.slope, Double()) * z - literal(response.intercept, Double())
    kept = func.greatest(func.least(log_odds, _LARGEST_EXPONENT), -_LARGEST_EXPONENT)
    return -func.ln(1.0 + func.exp(kept))
