"""What is wanted, without its components along what is not."""

from __future__ import annotations

import numpy as np

from medneg.scoring.mixtures import SMALLEST_ANGLE, blend, direction, linear_terms, unit
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.values import Term


@method(
    "projection",
    source="“Seeing What's Not There” (ICLR 2026), removal of the negated direction from what is wanted",
    summary="The wanted without its part along the unwanted: one text a phrase, one direction.",
    needs=("wanted", "unwanted"),
)
def projection(reading: Reading) -> tuple[Term, ...]:
    """s(x) = x·u(a − Σᵢ λᵢ nᵢ), with λ = arg min ‖a − Σᵢ λᵢ nᵢ‖: at right angles to every nᵢ.

    For one unwanted phrase that is a − (a·n)n. Least squares of the smallest norm, rather than one phrase
    after another, because kinds may be linearly dependent. Where next to nothing of a is left (an angle of
    ``SMALLEST_ANGLE`` to the span), a stays as it is.
    """
    if not reading.unwanted:
        return linear_terms(reading.wanted)
    span = np.stack([phrase.vector for phrase in reading.unwanted], axis=1)  # d k
    shares = np.linalg.lstsq(span, direction(reading.wanted), rcond=SMALLEST_ANGLE)[0]
    along = {phrase: -float(share) for phrase, share in zip(reading.unwanted, shares, strict=True)}
    left = blend([(1.0, reading.wanted), (1.0, along)])
    return linear_terms(unit(left) if np.linalg.norm(direction(left)) > SMALLEST_ANGLE else reading.wanted)
