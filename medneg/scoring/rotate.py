"""What is wanted, turned away from what is not by a fixed angle."""

from __future__ import annotations

import math

from medneg.scoring.mixtures import blend, linear_terms, turn, unit
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.values import Term

ANGLE = math.radians(45)
"""γ: of 10, 20, 26, 30, 45, 60 and 90 degrees the best on hard pools (docs/reference/methods.md)."""


@method(
    "rotate",
    source="SpaceVLM's turn (SpaceVLM-DRC eq. 7 and 8, sign put right) by a fixed angle, without a threshold",
    summary="The wanted turned 45° away from the unwanted: one text a phrase, one direction.",
    needs=("wanted", "unwanted"),
)
def rotate(reading: Reading) -> tuple[Term, ...]:
    """s(x) = x·v, with v = ``turn(a, n, γ)``; of several unwanted phrases the mean of their v."""
    turned = [(phrase.share, turn(reading.wanted, {phrase: 1.0}, ANGLE)) for phrase in reading.unwanted]
    return linear_terms(unit(blend(turned or [(1.0, reading.wanted)])))
