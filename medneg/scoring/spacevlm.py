"""SpaceVLM: negation as the part of one cap on the sphere that lies outside another."""

from __future__ import annotations

from medneg.scoring.mixtures import away, blend, linear_terms, unit
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.values import Term

THRESHOLD = 0.9
"""t, the cosine at the caps' edges: the value that the authors use for images."""


@method(
    "spacevlm",
    source="SpaceVLM, as its authors' code has it (SpaceVLM-DRC eq. 7 and 8, sign and mask put right)",
    summary="The part of the wanted that lies outside the unwanted: one text a phrase, one direction.",
    needs=("wanted", "unwanted"),
)
def spacevlm(reading: Reading) -> tuple[Term, ...]:
    """s(x) = x·v, with v = ``away(a, n, t)``.

    The paper knows one unwanted phrase. Several are composed one by one, and their directions averaged: an
    average of the phrases themselves would lie far from each of them and exclude none.
    """
    composed = [(phrase.share, away(reading.wanted, {phrase: 1.0}, THRESHOLD)) for phrase in reading.unwanted]
    return linear_terms(unit(blend(composed or [(1.0, reading.wanted)])))
