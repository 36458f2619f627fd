"""SpaceVLM-DRC: three composed directions and a penalty on images that resemble what is not wanted."""

from __future__ import annotations

from collections.abc import Callable

from medneg.scoring.mixtures import Mixture, Phrase, away, blend, linear_terms, repulsion, unit
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.scoring.sentences import Need
from medneg.values import Strength, Term

Composer = Callable[[Mixture, Mixture, float], Mixture]

THRESHOLDS: dict[Strength, float] = {"strong": 0.90, "moderate": 0.92, "weak": 0.94}
BASE_WEIGHTS: dict[Strength, float] = {"strong": 0.30, "moderate": 0.20, "weak": 0.10}
"""t and ω_base by the strength of the negation's wording, eq. 5."""

REPULSION_SCALE = 1.5
"""ρ, section 3.2."""

ALIGNMENT = (0.35, 0.35, 0.30)
"""Weights of d₁, d₂ and d_ctx, eq. 14."""

NEEDS: tuple[Need, ...] = ("sentence", "wanted", "unwanted", "counterfactuals")


@method(
    "drc",
    source="SpaceVLM-DRC (Pokhrel and Sheshappanavar 2026) eq. 5 to 14, eq. 8 with SpaceVLM's sign and mask",
    summary="Three directions turned from the unwanted, and a penalty on it: twice the texts of subtract.",
    needs=NEEDS,
)
def drc(reading: Reading) -> tuple[Term, ...]:
    """s(x) = .35 x·d₁ + .35 x·d₂ + .30 x·d_ctx − ω max(x·n, 0), eq. 13."""
    return terms(reading, away)


def terms(reading: Reading, compose: Composer) -> tuple[Term, ...]:
    """The terms of eq. 13 with any reading of eq. 8.

    The paper knows one unwanted phrase. With several, each of the three directions is composed for every
    phrase and averaged, and every phrase has its own penalty with the strength of its own wording.
    """
    if not reading.unwanted:
        return linear_terms(reading.wanted)
    return linear_terms(alignment(reading, compose)) + tuple(
        repulsion(
            phrase, BASE_WEIGHTS[_strength(phrase)] * REPULSION_SCALE, label=f"{phrase.label} (penalty)"
        )
        for phrase in reading.unwanted
    )


def alignment(reading: Reading, compose: Composer) -> Mixture:
    """w₁d₁ + w₂d₂ + w_ctx d_ctx of eq. 9 to 14."""
    composed = [
        (
            phrase.share,
            compose(reading.wanted, {phrase: 1.0}, THRESHOLDS[_strength(phrase)]),
            compose(reading.wanted, {opposite: 1.0}, THRESHOLDS[_strength(phrase)]),
            compose(reading.sentence, {phrase: 1.0}, THRESHOLDS[_strength(phrase)]),
        )
        for phrase, opposite in zip(reading.unwanted, reading.counterfactuals, strict=True)
    ]
    means = [unit(blend((share, found[k]) for share, *found in composed)) for k in range(len(ALIGNMENT))]
    return blend(zip(ALIGNMENT, means, strict=True))


def _strength(phrase: Phrase) -> Strength:
    """Unwanted phrases come from negated mentions, which always have a strength."""
    return (phrase.mention and phrase.mention.strength) or "strong"
