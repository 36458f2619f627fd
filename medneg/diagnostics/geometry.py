"""Numbers on where prompts and images lie: does "no X" sit on X, and could anything tell the two apart?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32, float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.evaluation.intervals import UNDEFINED, Figure, mean_interval
from medneg.query import lexicon

if TYPE_CHECKING:
    from medneg.scoring import TextTower

Rows = NDArray[float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Where one model puts prompts and images; intervals are over findings.

    Attributes:
        cosine_negated: cosine of "X" with "no X", over minimal pairs of sentences.
        cosine_others: cosine of "X" with "Y" in the same words, for scale.
        silhouette_polarity: of affirmed and negated prompts of one finding, cosine distance, in [-1, 1].
        silhouette_finding: of all prompts by finding, whatever their polarity.
        probe: share of a held-out finding's prompts whose polarity a linear probe tells that was fitted on
            the others; chance .5.
        gap: distance of the mean image from the mean prompt.
        rank_prompts, rank_images: effective rank, at most the embeddings' width.
    """

    cosine_negated: Figure
    cosine_others: Figure
    silhouette_polarity: Figure
    silhouette_finding: float
    probe: Figure
    gap: float
    rank_prompts: float
    rank_images: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """Minimal pairs about some findings: every carrier once affirmed, once negated.

    Attributes:
        texts: the sentences.
        findings: what each is about.
        negated: whether it says that it is not there.
    """

    texts: tuple[str, ...]
    findings: tuple[str, ...]
    negated: tuple[bool, ...]


@lru_cache(maxsize=1)
def minimal_pairs() -> tuple[tuple[str, str], ...]:
    """Carriers that differ in polarity alone, affirmed first; all are among the CON2 preset's prompts."""
    text = files("medneg.assets").joinpath("diagnosis", "minimal_pairs.json").read_text(encoding="utf-8")
    return tuple((affirmed, negated) for affirmed, negated in json.loads(text))


def prompt_set(findings: Sequence[str], carriers: int) -> PromptSet:
    """The first ``carriers`` minimal pairs about each finding."""
    lines = [
        (carrier.format(x=lexicon().finding(finding).prompt), finding, bool(side))
        for finding in findings
        for pair in minimal_pairs()[:carriers]
        for side, carrier in enumerate(pair)
    ]
    texts, about, negated = zip(*lines, strict=True) if lines else ((), (), ())
    return PromptSet(texts=texts, findings=about, negated=negated)


def measure_geometry(
    tower: TextTower, images: Rows, findings: Sequence[str], *, carriers: int, rng: Generator
) -> Geometry:
    """Measure one model.

    Args:
        tower: reads minimal pairs of prompts.
        images: unit embeddings, shape (n, d).
        findings: lexicon ids.
        carriers: minimal pairs for each finding.
        rng: resamples findings.
    """
    asked = prompt_set(findings, carriers)
    rows = tower.encode_texts(asked.texts)
    about, negated = np.array(asked.findings), np.array(asked.negated)
    return Geometry(
        cosine_negated=mean_interval(_cosines(rows, about, negated), rng),
        cosine_others=_cosine_of_others(rows, about, negated, rng),
        silhouette_polarity=mean_interval(_silhouettes(rows, about, negated), rng),
        silhouette_finding=_silhouette(rows, about),
        probe=mean_interval(polarity_probe(rows, about, negated), rng),
        gap=float(np.linalg.norm(images.mean(axis=0) - rows.mean(axis=0))),
        rank_prompts=effective_rank(rows),
        rank_images=effective_rank(images),
    )


def _cosines(rows: Rows, about: NDArray[np.str_], negated: NDArray[np.bool_]) -> NDArray[float64]:
    """By finding the mean cosine of the two sides of a pair."""
    products = (rows[~negated].astype(float64) * rows[negated]).sum(axis=1)
    return np.array([products[about[~negated] == finding].mean() for finding in dict.fromkeys(about)])


def _cosine_of_others(
    rows: Rows, about: NDArray[np.str_], negated: NDArray[np.bool_], rng: Generator
) -> Figure:
    """Mean cosine of two findings in the same affirmed words, over pairs of findings."""
    affirmed = [rows[(about == finding) & ~negated].astype(float64) for finding in dict.fromkeys(about)]
    cosines = [float((one * other).sum(axis=1).mean()) for one, other in combinations(affirmed, 2)]
    return mean_interval(np.array(cosines), rng) if cosines else UNDEFINED


def _silhouettes(rows: Rows, about: NDArray[np.str_], negated: NDArray[np.bool_]) -> NDArray[float64]:
    """By finding: whether its affirmed and its negated prompts are two groups."""
    return np.array(
        [_silhouette(rows[about == finding], negated[about == finding]) for finding in dict.fromkeys(about)]
    )


def _silhouette(rows: Rows, groups: NDArray[np.generic]) -> float:
    """Rousseeuw 1987, with cosine distance; NaN where there are no two groups or no two rows in one."""
    from sklearn.metrics import silhouette_score

    count = len(np.unique(groups))
    if not 2 <= count < len(rows):
        return float("nan")
    distances = np.clip(1 - rows.astype(float64) @ rows.T, 0, None)
    np.fill_diagonal(distances, 0)
    return float(silhouette_score(distances, groups, metric="precomputed"))


def polarity_probe(rows: Rows, about: NDArray[np.str_], negated: NDArray[np.bool_]) -> NDArray[float64]:
    """Accuracy of a linear probe for polarity on findings that it was not fitted on, by held-out finding.

    Logistic regression on centred rows, fitted on all other findings. An encoder that hears "no" in one way
    for all findings lets a probe tell it; one that hears it per finding, or not at all, does not.

    Args:
        rows: embeddings of prompts, shape (t, d).
        about: the finding of each, shape (t,).
        negated: its polarity, shape (t,).
    """
    from sklearn.linear_model import LogisticRegression

    findings = list(dict.fromkeys(about))
    found = np.full(len(findings), np.nan)
    for place, finding in enumerate(findings):
        out = about == finding
        if out.all():
            continue
        centre = rows[~out].mean(axis=0)
        spread = float(np.linalg.norm(rows[~out] - centre, axis=1).mean()) or 1.0
        probe = LogisticRegression(max_iter=1000).fit((rows[~out] - centre) / spread, negated[~out])
        found[place] = probe.score((rows[out] - centre) / spread, negated[out])
    return found


def effective_rank(rows: Rows) -> float:
    """exp of the entropy of the centred rows' normalised singular values (Roy & Vetterli 2007, eq. 3-4).

    Example:
        >>> round(effective_rank(np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)), 6)
        2.0
    """
    sizes = np.linalg.svd(rows.astype(float64) - rows.mean(axis=0, dtype=float64), compute_uv=False)
    if not sizes.sum() > 0:
        return float("nan")
    shares = sizes[sizes > 0] / sizes.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
