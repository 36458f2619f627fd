"""Maps of prompts and images on paper: t-SNE and PCA, several models in one frame, how far to trust them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medneg.diagnostics.geometry import PromptSet, prompt_set
from medneg.diagnostics.sizes import Size
from medneg.evaluation.truth import Truth

if TYPE_CHECKING:
    from medneg.scoring import TextTower

Rows = NDArray[float32]
Points = NDArray[float64]
Progress = Callable[[int, int], None]

NEIGHBOURS = 10
"""Of a point, that two maps are compared by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far a map is to be believed, from all its runs.

    Attributes:
        runs: seeds × perplexities.
        trustworthiness: share of neighbours on paper that are neighbours in the embedding, discounted by rank
            (Venna & Kaski 2001), mean over runs; and ``least``, that of the worst run.
        agreement: mean share of a point's ten neighbours that two runs have in common; None for one run.
    """

    runs: int
    trustworthiness: float
    least: float
    agreement: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """Points on paper.

    Attributes:
        model: whose prompts they are; None for images.
        method: "t-SNE" or "PCA".
        points: x and y of each, in the frame of the first model's map.
        findings: of each point; "" for an image that shows none or several.
        kinds: of each point: "affirmed", "negated" or "image".
        trust: how far to believe it.
        explained: share of the variance that PCA's two axes hold; None for t-SNE.
    """

    model: int | None
    method: str
    points: tuple[tuple[float, float], ...]
    findings: tuple[str, ...]
    kinds: tuple[str, ...]
    trust: Trust
    explained: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """Maps in one frame, one for each model."""

    rows: tuple[Map, ...]


def prompt_maps(
    towers: Sequence[TextTower], findings: Sequence[str], size: Size, progress: Progress | None = None
) -> Maps:
    """Each model's prompts by t-SNE, turned and scaled so that all lie in the first one's frame.

    Args:
        towers: one or more; the first gives the frame.
        findings: lexicon ids.
        size: how many prompts, seeds and perplexities.
        progress: called with (done, total) maps.
    """
    asked = prompt_set(findings, size.drawn)
    frame: Points | None = None
    maps = []
    for model, tower in enumerate(towers):
        rows = tower.encode_texts(asked.texts)
        runs = _runs(rows, size)
        points = runs[0] if frame is None else aligned(runs[0], frame)
        frame = points if frame is None else frame
        maps.append(_map(rows, runs, points, asked=asked, model=model))
        if progress is not None:
            progress(model + 1, len(towers))
    return Maps(rows=tuple(maps))


def _map(rows: Rows, runs: Sequence[Points], points: Points, *, asked: PromptSet, model: int) -> Map:
    return Map(
        model=model,
        method="t-SNE",
        points=_plain(points),
        findings=asked.findings,
        kinds=tuple("negated" if no else "affirmed" for no in asked.negated),
        trust=_trust(rows, runs),
    )


def image_map(images: Rows, truth: Truth, size: Size, rng: np.random.Generator) -> Map:
    """Images by t-SNE, marked by the one finding that they show."""
    chosen = _sample(images, size, rng)
    runs = _runs(images[chosen], size)
    return Map(
        model=None,
        method="t-SNE",
        points=_plain(runs[0]),
        findings=_only_finding(truth, chosen),
        kinds=("image",) * len(chosen),
        trust=_trust(images[chosen], runs),
    )


def joint_map(
    tower: TextTower,
    model: int,
    images: Rows,
    findings: Sequence[str],
    *,
    size: Size,
    rng: np.random.Generator,
) -> Map:
    """Prompts and images of one model on the first two principal axes of both together."""
    asked = prompt_set(findings, size.drawn)
    chosen = _sample(images, size, rng)
    rows = np.concatenate([tower.encode_texts(asked.texts), images[chosen]])
    points, explained = principal(rows)
    return Map(
        model=model,
        method="PCA",
        points=_plain(points),
        findings=(*asked.findings, *("" for _ in chosen)),
        kinds=(*("negated" if no else "affirmed" for no in asked.negated), *("image" for _ in chosen)),
        explained=explained,
        trust=_trust(rows, [points]),
    )


def principal(rows: Rows) -> tuple[Points, float]:
    """Coordinates on the first two principal axes, shape (n, 2), and the share of the variance they hold.

    Each axis points so that its largest coordinate is positive.
    """
    centred = rows.astype(float64) - rows.mean(axis=0, dtype=float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    points = left[:, :2] * sizes[:2]
    points *= np.sign(points[np.abs(points).argmax(axis=0), range(points.shape[1])])
    return points, float((sizes[:2] ** 2).sum() / max((sizes**2).sum(), 1e-300))


def aligned(points: Points, frame: Points) -> Points:
    """The points shifted, turned, mirrored and scaled to lie as near as they can to another map's.

    Orthogonal Procrustes analysis (Schönemann 1966), with the scale of Gower 1975, section 2.
    """
    from scipy.linalg import orthogonal_procrustes

    own, other = points - points.mean(axis=0), frame - frame.mean(axis=0)
    turn, scale = orthogonal_procrustes(own, other)
    size = float((own**2).sum()) or 1.0
    return np.asarray(own @ turn * (scale / size) + frame.mean(axis=0))


def agreement(one: Points, other: Points) -> float:
    """Mean share of a point's ``NEIGHBOURS`` nearest neighbours that two maps have in common.

    Example:
        >>> line = np.arange(40.0).reshape(20, 2)
        >>> agreement(line, 3 - line)
        1.0
    """
    shared = [len(set(a) & set(b)) / len(a) for a, b in zip(_nearest(one), _nearest(other), strict=True)]
    return float(np.mean(shared))


def _nearest(points: Points) -> NDArray[np.int64]:
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(points) - 1)]


def _runs(rows: Rows, size: Size) -> list[Points]:
    """t-SNE with each perplexity and each seed; the middle perplexity's first seed comes first."""
    from sklearn.manifold import TSNE

    middle = size.perplexities[len(size.perplexities) // 2]
    order = (middle, *(each for each in size.perplexities if each != middle))
    return [
        TSNE(
            perplexity=min(perplexity, (len(rows) - 1) / 3), metric="cosine", init="random", random_state=seed
        )
        .fit_transform(rows.astype(float64))
        .astype(float64)
        for perplexity in order
        for seed in range(size.seeds)
    ]


def _trust(rows: Rows, runs: Sequence[Points]) -> Trust:
    from sklearn.manifold import trustworthiness

    near = min(NEIGHBOURS, (len(rows) - 1) // 2)
    found = [float(trustworthiness(rows, run, n_neighbors=near, metric="cosine")) for run in runs]
    pairs = [agreement(one, other) for one, other in combinations(runs, 2)]
    return Trust(
        runs=len(runs),
        trustworthiness=float(np.mean(found)),
        least=min(found),
        agreement=float(np.mean(pairs)) if pairs else None,
    )


def _sample(images: Rows, size: Size, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(rng.permutation(len(images))[: size.images])


def _only_finding(truth: Truth, chosen: NDArray[np.int64]) -> tuple[str, ...]:
    present = truth.present[chosen]
    return tuple(truth.findings[row.argmax()] if row.sum() == 1 else "" for row in present)


def _plain(points: Points) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 4), round(float(y), 4)) for x, y in points)
