"""Plain CLIP: the whole sentence, negation and all, as one direction. The failure that the others cure."""

from __future__ import annotations

from medneg.scoring.mixtures import linear_terms
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.values import Term


@method(
    "cosine",
    source="CLIP (Radford et al. 2021); SpaceVLM-DRC eq. 2",
    summary="Plain CLIP, the whole sentence as it stands: one text; it hardly hears “no”.",
    needs=("sentence",),
)
def cosine(reading: Reading) -> tuple[Term, ...]:
    """s(x) = x·e(sentence)."""
    return linear_terms(reading.sentence)
