"""Scores in standard deviations of the archive: no labels, and any checkpoint on equal terms."""

from __future__ import annotations

from medneg.scoring.mixtures import Phrase, linear_terms, repulsion
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.scoring.spread import Spread
from medneg.scoring.weakest import Evidence, weakest_link
from medneg.values import Term

WEIGHT = 1.0
"""What a deviation of an unwanted finding weighs against one of a wanted finding."""

THRESHOLD = -0.5
"""z from which on an unwanted finding counts against an image: about where images without it lie.

Of a finding that every sixth image shows clearly, images without it have z = −0.45.
"""


@method(
    "z-score",
    source="standard scores over the archive, z = (x·t − μ·t)/√(tᵀCt); docs/explanation/one-plan.md, eq. 6",
    summary="As subtract, in standard deviations of the archive: measures its spread once, needs no labels.",
    needs=("wanted", "unwanted"),
    needs_covariance=True,
)
def z_score(reading: Reading) -> tuple[Term, ...]:
    """s(x) = min over the wanted of z(x, a) − Σᵢ max(z(x, nᵢ) + ½, 0), but for a constant.

    Findings that an encoder marks faintly weigh as much as those that it marks strongly. With nothing wanted
    s(x) = −Σᵢ z(x, nᵢ). A text whose scores do not vary says nothing and gets the weight 0.
    """
    if reading.spread is None:
        raise ValueError("z-score needs a reading with a spread")
    spread = reading.spread
    if reading.nothing_wanted:
        return linear_terms(
            {phrase: -WEIGHT * phrase.share * _per_deviation(phrase, spread) for phrase in reading.unwanted}
        )
    wanted = [_standardised(phrase, spread) for phrase in reading.phrases["wanted"]]
    return weakest_link(wanted) + tuple(_penalty(phrase, spread) for phrase in reading.unwanted)


def _per_deviation(phrase: Phrase, spread: Spread) -> float:
    """1/σ, or 0 where σ is."""
    deviation = spread.deviation(phrase.vector)
    return 1 / deviation if deviation else 0.0


def _standardised(phrase: Phrase, spread: Spread) -> Evidence:
    scale = _per_deviation(phrase, spread)
    return Evidence(
        vector=scale * phrase.vector,
        label=phrase.label,
        mention=phrase.mention,
        offset=scale * spread.centre(phrase.vector),
    )


def _penalty(phrase: Phrase, spread: Spread) -> Term:
    """−w max((x·n − μ·n)/σ − b, 0) = −(w/σ) max(x·n − (μ·n + bσ), 0)."""
    bias = spread.centre(phrase.vector) + THRESHOLD * spread.deviation(phrase.vector)
    return repulsion(phrase, WEIGHT * _per_deviation(phrase, spread), bias=bias)
