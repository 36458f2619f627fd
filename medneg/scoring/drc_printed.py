"""SpaceVLM-DRC with equation 8 as the paper prints it: for comparison, not for use."""

from __future__ import annotations

import math

from medneg.scoring.drc import NEEDS, terms
from medneg.scoring.mixtures import SMALLEST_ANGLE, Mixture, blend, cosine, unit
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.values import Term


@method(
    "drc-printed",
    source="SpaceVLM-DRC (Pokhrel and Sheshappanavar 2026) eq. 5 to 14, to the letter",
    summary="As drc, with the paper's sign, which can pull towards the unwanted: for comparison only.",
    needs=NEEDS,
)
def drc_printed(reading: Reading) -> tuple[Term, ...]:
    """As ``drc``, with ``towards`` in the place of ``away``."""
    return terms(reading, towards)


def towards(a: Mixture, b: Mixture, threshold: float) -> Mixture:
    """Equation 8 as printed: u([sin(α + θ/2)·a + sin(α − θ/2)·b] / sin θ).

    The plus pulls towards b wherever a·b > 2t² − 1, which is where SpaceVLM pushes away. Only the guard at
    θ near 0 is ours: there the printed formula divides by zero.
    """
    alpha, theta = math.acos(threshold), math.acos(cosine(a, b))
    if theta < SMALLEST_ANGLE or math.pi - theta < SMALLEST_ANGLE:
        return a
    return unit(blend([(math.sin(alpha + theta / 2), a), (math.sin(alpha - theta / 2), b)]))
