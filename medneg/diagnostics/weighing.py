"""What a text tower weighs in sentences that negate: an illustration, never a threshold.

A prototype went from 0 to .85 on "no effusion" without any rise in the share of the negation's word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.diagnostics.attribution import Baseline, TokenAttribution, attribute, baselines, inside, towards
from medneg.diagnostics.prompts import WORDINGS, findings_of
from medneg.diagnostics.sizes import Size
from medneg.errors import EncoderError
from medneg.evaluation.intervals import Figure, mean_interval
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import con2_prompts
from medneg.query import lexicon

if TYPE_CHECKING:
    from medneg.encoders import Encoder

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """With one baseline, the shares of the cue's, the finding's and all other words, over sentences.

    Attributes:
        incomplete: of the sentences, how many scores could not be shared out to within 1 %; left out.
        gap: the widest gap of the others.
    """

    baseline: Baseline
    cue: Figure
    finding: Figure
    rest: Figure
    incomplete: int
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What one model weighs; ``refused`` says why nothing could be seen, where that is so."""

    model: int
    sentences: tuple[TokenAttribution, ...]
    shares: tuple[Shares, ...]
    refused: str | None = None


def weigh(
    model: int,
    encoder: Encoder,
    images: NDArray[float32],
    truth: Truth,
    *,
    size: Size,
    seed: int,
    progress: Progress | None = None,
) -> Weights:
    """Share the score of "no X" against the images that show X among its words.

    Args:
        model: its place among the models.
        encoder: to be seen inside of.
        images: unit embeddings, shape (n, d).
        truth: of the same images.
        size: how many sentences.
        seed: of the intervals.
        progress: called with (done, total) passes over all sentences.
    """
    try:
        inside(encoder)
    except EncoderError as refused:
        return Weights(model=model, sentences=(), shares=(), refused=str(refused))
    asked = list(_sentences(truth, size.weighed))
    known = [name for name in baselines(encoder) if name != "cue"]
    targets = np.stack([towards(images[truth.shows(finding)]) for _, finding in asked])
    rng = np.random.default_rng(seed)
    shares, shown = [], None
    for number, name in enumerate(known):
        found = attribute(encoder, [words for words, _ in asked], targets, baseline=name)
        shown = shown or found
        shares.append(_shares(name, found, rng))
        if progress is not None:
            progress(number + 1, len(known))
    return Weights(model=model, sentences=(shown or ())[: size.coloured], shares=tuple(shares))


def _sentences(truth: Truth, count: int) -> Iterator[tuple[str, str]]:
    """Negated prompts, structured and natural in turn, of one finding after the other."""
    findings = [finding for finding in findings_of(truth) if truth.shows(finding).any()]
    for place in range(count if findings else 0):
        choices = con2_prompts()[f"{WORDINGS[place % 2]} negative"]
        finding = findings[place % len(findings)]
        carrier = choices[place * 7 % len(choices)]  # 7 shares no divisor with the 24 or 25 carriers
        yield carrier.format(x=lexicon().finding(finding).prompt), finding


def _shares(name: Baseline, found: Sequence[TokenAttribution], rng: Generator) -> Shares:
    whole = [one for one in found if one.complete]
    cue, finding, rest = (
        mean_interval(np.array([one.share(role) for one in whole], float), rng)
        for role in ("cue", "finding", "rest")
    )
    return Shares(
        baseline=name,
        cue=cue,
        finding=finding,
        rest=rest,
        incomplete=len(found) - len(whole),
        gap=max((one.gap for one in whole), default=float("nan")),
    )
