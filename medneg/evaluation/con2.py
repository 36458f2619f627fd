"""The protocol of the CON2 paper (arXiv 2512.17121): 99 prompts, top-10 retrieval accuracy.

Structured or natural, positive or negative prompts about one finding are asked of 70 pictures, half of which
show it; the accuracy of a prompt is the share of its first ten hits that it describes, .5 by chance. The
paper asks of pleural effusion alone and does not print its prompts: ours stand in
``medneg/assets/benchmark/con2.json``, and every labelled finding is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import float32, float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.errors import ArchiveError, CalibrationMissing
from medneg.evaluation import metrics
from medneg.evaluation.asking import Setup, about, open_gallery, remember
from medneg.evaluation.gallery import BASE, Fold, Gallery, Way, usable_ways
from medneg.evaluation.intervals import Figure, mean_interval
from medneg.evaluation.measuring import K, Progress
from medneg.evaluation.pools import POOLS, Rows, balanced_pool
from medneg.evaluation.report import About, without_nan
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import Asked, con2_prompts, read_words
from medneg.query import lexicon
from medneg.values import Query

if TYPE_CHECKING:
    from medneg.scoring import TextTower

EACH = 35
"""Pictures with the finding and pictures without it: the paper's test set has 70."""

PAPERS = "pleural_effusion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """One way of asking on one group of prompts.

    Attributes:
        group: "structured positive" to "natural negative".
        papers: over the prompts about pleural effusion; undefined where the labels lack it.
        all: over the prompts about every labelled finding.
    """

    method: str
    space: str
    group: str
    papers: Figure
    all: Figure
    model: str = BASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Con2Report:
    """Every method on every group of prompts; ``findings`` are those that were asked about."""

    about: About
    findings: tuple[str, ...]
    rows: tuple[Accuracy, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is not defined is None."""
        return {"schema_version": 1, **asdict(self, dict_factory=without_nan)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Prompt:
    group: str
    finding: str
    query: Query
    right: NDArray[np.bool_]
    pools: Rows


def con2(
    images: NDArray[float32],
    truth: Truth,
    encoder: TextTower,
    *,
    setup: Setup,
    folds: tuple[Fold, ...] | None = None,
    progress: Progress | None = None,
) -> Con2Report:
    """Ask the 99 prompts about every finding that at least 35 pictures show and 35 do not.

    Args:
        images: unit embeddings, shape (n, d).
        truth: of the same pictures.
        encoder: its text tower reads the prompts.
        setup: how to ask.
        folds: calibrations from elsewhere; None fits them here, on other patients than are scored.
        progress: called with (done, total) prompts.

    Raises:
        ArchiveError: if there is no such finding.
    """
    rng = np.random.default_rng(setup.seed)
    prompts = tuple(_prompts(truth, setup, rng))
    if not prompts:
        raise ArchiveError(f"these labels know no finding that {EACH} pictures show and {EACH} do not")
    gallery = open_gallery(images, truth, encoder, setup=setup, folds=folds)
    remember(gallery, [prompt.query for prompt in prompts])
    trial = next(prompt.query for prompt in prompts if prompt.query.negated)
    ways, _ = usable_ways(gallery, setup.methods, trial)
    accuracy = np.full((len(ways), len(prompts)), np.nan)
    for place, prompt in enumerate(prompts):
        accuracy[:, place] = [_accuracy(gallery, prompt, way) for way in ways]
        if progress is not None:
            progress(place + 1, len(prompts))
    return Con2Report(
        about=about(gallery, setup, folds),
        findings=tuple(dict.fromkeys(prompt.finding for prompt in prompts)),
        rows=tuple(_rows(dict(zip(ways, accuracy, strict=True)), prompts, rng)),
    )


def _prompts(truth: Truth, setup: Setup, rng: Generator) -> Iterator[_Prompt]:
    for finding in truth.findings:
        shown, known = truth.shows(finding), truth.all_known((finding,))
        drawn = [balanced_pool(shown, rng, among=known, most=EACH) for _ in range(POOLS)]
        pools = [pool for pool in drawn if pool is not None and len(pool) == 2 * EACH]
        if lexicon().finding(finding).kind not in ("finding", "device") or not pools:
            continue
        for group, carriers in con2_prompts().items():
            negative = group.endswith("negative")
            asked = Asked(unwanted=(finding,)) if negative else Asked(wanted=(finding,))
            for carrier in carriers:
                words = carrier.format(x=lexicon().finding(finding).prompt)
                yield _Prompt(
                    group=group,
                    finding=finding,
                    query=read_words(words, asked, setup.parse),
                    right=~shown if negative else shown,
                    pools=np.stack(pools),
                )


def _accuracy(gallery: Gallery, prompt: _Prompt, way: Way) -> float:
    """Top-10 accuracy, mean over the pools; NaN where the method knows too little."""
    try:
        scores = gallery.score(prompt.query, way)
    except CalibrationMissing:
        return float("nan")
    best = np.take_along_axis(prompt.pools, metrics.top(scores[prompt.pools], K), axis=1)
    return float(metrics.precision(prompt.right[best], K).mean())


def _rows(
    accuracy: Mapping[Way, NDArray[float64]], prompts: Sequence[_Prompt], rng: Generator
) -> Iterator[Accuracy]:
    for way, values in accuracy.items():
        for group in con2_prompts():
            of_group = np.array([prompt.group == group for prompt in prompts])
            papers = of_group & np.array([prompt.finding == PAPERS for prompt in prompts])
            yield Accuracy(
                **way._asdict(),
                group=group,
                papers=mean_interval(values[papers], rng),
                all=mean_interval(values[of_group], rng),
            )
