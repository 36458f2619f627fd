"""What is wanted, less what is not: the penalty looks at the image, not at the sentence."""

from __future__ import annotations

from medneg.scoring.mixtures import linear_terms, repulsion
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.scoring.weakest import Evidence, weakest_link
from medneg.values import Term

WEIGHT = 1.0
"""What an unwanted phrase weighs against the wanted ones; between 0.5 and 1 little depends on it."""


@method(
    "subtract",
    source="vector subtraction as in rclip, kept to what an image shows by SpaceVLM-DRC eq. 12",
    summary="The weakest of the wanted, less what an image shows of the unwanted: one text a phrase.",
    needs=("wanted", "unwanted"),
)
def subtract(reading: Reading) -> tuple[Term, ...]:
    """s(x) = min over the wanted of x·a − w Σᵢ max(x·nᵢ, 0); of three and more see ``weakest_link``.

    Without the maximum, an image that is the very opposite of nᵢ would be rewarded for it at the expense of
    what is wanted. With nothing wanted there is no such expense, and being the opposite is all that is
    asked for: s(x) = −w Σᵢ x·nᵢ.
    """
    if reading.nothing_wanted:
        return linear_terms({phrase: -WEIGHT * phrase.share for phrase in reading.unwanted})
    wanted = [
        Evidence(vector=phrase.vector, label=phrase.label, mention=phrase.mention)
        for phrase in reading.phrases["wanted"]
    ]
    return weakest_link(wanted) + tuple(repulsion(phrase, WEIGHT) for phrase in reading.unwanted)
