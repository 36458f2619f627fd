"""Each finding against its normal counterpart: which of the two an image looks like more."""

from __future__ import annotations

from medneg.scoring.mixtures import Phrase, linear_terms, repulsion
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.scoring.weakest import Evidence, weakest_link
from medneg.values import Term

TEMPLATES = ("{}", "there is {}", "findings consistent with {}")
"""Sentences that a phrase is averaged over, beside the tower's own."""


@method(
    "paired",
    source="paired prompts (Bi-MCQ's PNC score; NAST's affirmative equivalents of absence), as a difference",
    summary="Each finding against its normal counterpart: four sentences for each of the two.",
    needs=("wanted", "unwanted"),
    templates=TEMPLATES,
    needs_normals=True,
)
def paired(reading: Reading) -> tuple[Term, ...]:
    """s(x) = min over the wanted of x·(a − ā) − Σᵢ max(x·(nᵢ − n̄ᵢ), 0), ā the normal counterpart of a.

    Softmax over the two prompts is monotone in this difference, and 0 is where an image looks as much like
    the one as like the other. With nothing wanted s(x) = −Σᵢ x·(nᵢ − n̄ᵢ).
    """
    unwanted = {_contrast(phrase): phrase.share for phrase in reading.unwanted}
    if reading.nothing_wanted:
        return linear_terms({phrase: -share for phrase, share in unwanted.items()})
    wanted = [
        Evidence(vector=phrase.vector, label=phrase.label, mention=phrase.mention)
        for phrase in map(_contrast, reading.phrases["wanted"])
    ]
    return weakest_link(wanted) + tuple(repulsion(phrase, 1.0) for phrase in unwanted)


def _contrast(phrase: Phrase) -> Phrase:
    """The phrase less its normal counterpart, not of unit length."""
    if phrase.normal is None:
        raise ValueError("paired needs phrases with their normal counterparts")
    return Phrase(
        vector=phrase.vector - phrase.normal, label=phrase.label, mention=phrase.mention, share=phrase.share
    )
