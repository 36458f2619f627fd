"""ExclMM: a query as a direction in the sparse codes of a head, where what is not wanted is suppressed.

After Jha, Bhatia and Bedathur, "Being Positive about Negative Queries: Exclusion Aware Multimodal Retrieval
using Disentangled Representations"; docs/explanation/exclmm.md has the equations and what we chose where the
paper is silent. Each plan is linear in the codes of images, so a search costs one product an image.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medneg.scoring.mixtures import Mixture, Phrase, direction, linear_terms, unit
from medneg.scoring.reading import ExclusionHead, Reading
from medneg.scoring.registry import method
from medneg.values import Term

PAPER = "ExclMM (Jha, Bhatia and Bedathur)"


@method(
    "exclmm",
    source=f"{PAPER} eq. 14 to 18, the exclusion encoder given what is wanted and what is not apart",
    summary="Learnt codes in which what is excluded is weighed down; one product, on `medneg embed`'s codes.",
    needs=("wanted", "unwanted"),
    needs_head=True,
)
def exclmm(reading: Reading) -> tuple[Term, ...]:
    """s(x) = x·(keep ⊙ w − take ⊙ Σᵢ nᵢ), with w the wanted code, nᵢ the unwanted ones, x the image's code.

    keep and take are the exclusion encoder's answer to w and Σᵢ nᵢ, one number a dimension. With nothing
    wanted there is nothing to keep: s(x) = −x·Σᵢ nᵢ.
    """
    unwanted = _codes(reading, reading.unwanted)
    if reading.nothing_wanted:
        return linear_terms({phrase: -phrase.share for phrase in unwanted})
    wanted = _wanted(reading)
    if not unwanted:
        return linear_terms(wanted)
    against = {phrase: phrase.share for phrase in unwanted}
    keep, take = _head(reading).weigh(*(direction(part).astype(np.float32) for part in (wanted, against)))
    kept = {_weighed(phrase, keep): share for phrase, share in wanted.items()}
    return linear_terms(kept | {_weighed(phrase, take): -share for phrase, share in against.items()})


@method(
    "exclmm-suppress",
    source=f"{PAPER} section 5.3: stage 1 alone, the excluded finding's dimensions removed",
    summary="The same codes; dimensions in which anything excluded is awake are switched off. One product.",
    needs=("wanted", "unwanted"),
    needs_head=True,
)
def suppress(reading: Reading) -> tuple[Term, ...]:
    """s(x) = x·u(w restricted to the dimensions in which every nᵢ is 0).

    Where nothing is left of w, w stays as it is. With nothing wanted, what is left over is the whole image:
    s(x) = −x·Σᵢ nᵢ.
    """
    unwanted = _codes(reading, reading.unwanted)
    if reading.nothing_wanted:
        return linear_terms({phrase: -phrase.share for phrase in unwanted})
    wanted = _wanted(reading)
    free = np.ones_like(direction(wanted), bool)
    for phrase in unwanted:
        free &= phrase.vector == 0
    left = {_weighed(phrase, free): share for phrase, share in wanted.items()}
    return linear_terms(unit(left) if direction(left).any() else wanted)


@method(
    "exclmm-sentence",
    source=f"{PAPER} eq. 14 and 18 as printed: the exclusion encoder hears the whole sentence",
    summary="One refined code of the whole sentence; hears wordings like those it learnt. One product.",
    needs=("sentence",),
    needs_head=True,
)
def exclmm_sentence(reading: Reading) -> tuple[Term, ...]:
    """s(x) = x·F(spar(e(sentence))), eq. 18."""
    head = _head(reading)
    (said,) = _codes(reading, reading.phrases["sentence"])
    refined = head.refine(said.vector.astype(np.float32)).astype(np.float64)
    return linear_terms({replace(said, vector=refined): 1.0})


def _head(reading: Reading) -> ExclusionHead:
    if reading.head is None:
        raise ValueError("ExclMM needs a reading with a head")
    return reading.head


def _codes(reading: Reading, phrases: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    """The same phrases in the space of the head's codes."""
    if not phrases:
        return ()
    rows = np.stack([phrase.vector for phrase in phrases]).astype(np.float32)
    codes = _head(reading).encode_texts(rows).astype(np.float64)
    return tuple(replace(phrase, vector=code) for phrase, code in zip(phrases, codes, strict=True))


def _wanted(reading: Reading) -> Mixture:
    """w, the normalised mean of the wanted phrases' codes."""
    return unit({phrase: 1.0 for phrase in _codes(reading, reading.phrases["wanted"])})


def _weighed(phrase: Phrase, weights: NDArray[np.floating | np.bool_]) -> Phrase:
    return replace(phrase, vector=phrase.vector * weights)
