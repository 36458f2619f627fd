"""What is wanted, and nothing else: the strong baseline that papers leave out."""

from __future__ import annotations

from medneg.scoring.mixtures import linear_terms
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.values import Term


@method(
    "affirmed-only",
    source="docs/explanation/one-plan.md",
    summary="What is wanted, the rest of the sentence dropped: one text a phrase; it excludes nothing.",
    needs=("wanted",),
)
def affirmed_only(reading: Reading) -> tuple[Term, ...]:
    """s(x) = x·a, with a the normalised mean of the wanted phrases."""
    return linear_terms(reading.wanted)
