"""Weighted sums of phrases: directions that can still say which mention each part of them came from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medneg.values import Linear, Mention, Repulsion, Term

SMALLEST_NORM = 1e-6
SMALLEST_ANGLE = 1e-3
"""Below this angle in radians (cosine > 0.9999995), two float32 embeddings cannot be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phrase:
    """Words as the encoder sees them.

    Attributes:
        vector: unit length, shape (d,).
        label: what people read.
        mention: what the words stand for; None for a whole sentence.
        share: how much of its mention an unwanted phrase carries, in (0, 1]; below 1 where other phrases of
            the mention say nearly the same.
        finding: the lexicon id that the words mean, if any.
        normal: what one sees without it, unit length, shape (d,); for methods that asked for it.
    """

    vector: NDArray[np.float64]
    label: str
    mention: Mention | None = None
    share: float = 1.0
    finding: str | None = None
    normal: NDArray[np.float64] | None = None


Mixture = dict[Phrase, float]
"""Σ weight · phrase. Two mixtures add up phrase by phrase, so a composed direction keeps its origins."""


def blend(parts: Iterable[tuple[float, Mixture]]) -> Mixture:
    """Σ weight · mixture."""
    found: Mixture = {}
    for weight, mixture in parts:
        for phrase, share in mixture.items():
            found[phrase] = found.get(phrase, 0.0) + weight * share
    return found


def direction(mixture: Mixture) -> NDArray[np.float64]:
    """The vector, shape (d,), that a mixture adds up to."""
    found: NDArray[np.float64] = np.sum([share * phrase.vector for phrase, share in mixture.items()], axis=0)
    return found


def unit(mixture: Mixture) -> Mixture:
    """The same direction with unit length; a mixture that cancels out stays as it is."""
    norm = float(np.linalg.norm(direction(mixture)))
    return blend([(1 / norm, mixture)]) if norm > SMALLEST_NORM else mixture


def cosine(one: Mixture, other: Mixture) -> float:
    """The cosine between two unit mixtures, kept in [−1, 1] in spite of rounding."""
    return float(np.clip(direction(one) @ direction(other), -1.0, 1.0))


def turn(wanted: Mixture, unwanted: Mixture, angle: float) -> Mixture:
    """a, turned away from n in their plane.

    With θ = arccos(a·n) and the angle γ, kept at π − θ or less:

        v = [sin(θ + γ)·a − sin γ·n] / sin θ

    has unit length and the angle θ + γ from n. Two directions that cannot be told apart (θ near 0, where the
    quotient amplifies rounding) or that are opposite leave a alone.

    Args:
        wanted: a, a unit mixture.
        unwanted: n, a unit mixture.
        angle: γ in radians, at least 0.
    """
    theta = math.acos(cosine(wanted, unwanted))
    if theta < SMALLEST_ANGLE or math.pi - theta < SMALLEST_ANGLE:
        return wanted
    angle = min(angle, math.pi - theta)
    towards, against = math.sin(theta + angle), math.sin(angle)
    return blend([(towards / math.sin(theta), wanted), (-against / math.sin(theta), unwanted)])


def away(wanted: Mixture, unwanted: Mixture, threshold: float) -> Mixture:
    """The central direction of what lies within a cap around a and outside the same cap around n.

    SpaceVLM as its authors' code has it (sepehrkr/SpaceVLM), which is SpaceVLM-DRC eq. 7 and 8 with the sign
    of the second coefficient turned: with θ = arccos(a·n) and α = arccos(t),

        v = [sin(α + θ/2)·a − sin(α − θ/2)·n] / sin θ    where θ < 2α, and a elsewhere:

    a turn by α − θ/2.

    Args:
        wanted: a, a unit mixture.
        unwanted: n, a unit mixture.
        threshold: t, the cosine from which on an image counts as showing a concept.
    """
    alpha, theta = math.acos(threshold), math.acos(cosine(wanted, unwanted))
    return wanted if theta >= 2 * alpha else turn(wanted, unwanted, alpha - theta / 2)


def linear_terms(mixture: Mixture) -> tuple[Term, ...]:
    """One linear term per phrase of a mixture; together they project an image on its direction."""
    return tuple(
        Term(
            direction=phrase.vector.astype(np.float32),
            response=Linear(weight=share),
            label=phrase.label,
            mention=phrase.mention,
        )
        for phrase, share in mixture.items()
    )


def repulsion(phrase: Phrase, weight: float, *, bias: float = 0.0, label: str | None = None) -> Term:
    """−weight · share · max(x·n − bias, 0), as SpaceVLM-DRC eq. 12."""
    return Term(
        direction=phrase.vector.astype(np.float32),
        response=Repulsion(weight=weight * phrase.share, bias=bias),
        label=label or phrase.label,
        mention=phrase.mention,
    )
