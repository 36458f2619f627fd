"""Where a model goes most wrong: questions whose first hits show what was excluded, with the images."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medneg.compiling import make_plan
from medneg.diagnostics.hearing import WAYS, Heard, Way
from medneg.diagnostics.prompts import Prompt, PromptKind
from medneg.evaluation import metrics
from medneg.evaluation.measuring import K
from medneg.evaluation.projections import Projections

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.scoring import TextTower

SHOWN = 5
"""Of the first ten hits."""

_ASKED: tuple[PromptKind, ...] = ("no X", "A but no B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A hit: its rank, its key in the archive, score, what it shows of the question, thumbnail as base64."""

    rank: int
    image: int
    score: float
    wanted: bool
    excluded: bool
    jpeg: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A question with its first hits among one pool of images.

    Attributes:
        wanted, unwanted: the findings that the parser read.
        wrong: of the first ten, the share that shows what was excluded.
        pool: how many images were ranked.
    """

    model: int
    way: Way
    kind: PromptKind
    words: str
    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]
    wrong: float
    pool: int
    hits: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The worst questions of one model, whole sentences first."""

    rows: tuple[Failure, ...]


def worst(
    model: int,
    tower: TextTower,
    heard: Heard,
    prompts: Sequence[Prompt],
    *,
    images: NDArray[float32],
    ids: Sequence[int],
    archive: Archive,
    count: int,
) -> Failures:
    """The questions with the most violations, each about another excluded finding.

    Args:
        model: its place among the models.
        tower: reads the prompts.
        heard: its answers to them.
        prompts: as they were asked.
        images: unit embeddings, shape (n, d).
        ids: their keys in the archive.
        archive: gives thumbnails.
        count: questions of each kind and way, at most.
    """
    projections = Projections(images)
    rows = []
    for way, (method, space) in WAYS.items():
        for place in _places(heard.wrong[way], prompts, count):
            plan = make_plan(prompts[place].query, tower, None, method=method, space=space)
            scores = projections.score(plan)
            rows.append(_failure(model, way, prompts[place], scores, ids=ids, archive=archive))
    return Failures(rows=tuple(rows))


def _places(wrong: Sequence[float], prompts: Sequence[Prompt], count: int) -> list[int]:
    """The worst prompts of each kind; of those about the same excluded finding, one."""
    chosen: list[int] = []
    for kind in _ASKED:
        of_kind = [
            place for place, prompt in enumerate(prompts) if prompt.group.kind == kind and wrong[place]
        ]
        of_kind.sort(key=lambda place: -wrong[place])
        first = {prompts[place].asked.unwanted: place for place in reversed(of_kind)}
        chosen += sorted(first.values(), key=lambda place: -wrong[place])[:count]
    return chosen


def _failure(
    model: int,
    way: Way,
    prompt: Prompt,
    scores: NDArray[float64],
    *,
    ids: Sequence[int],
    archive: Archive,
) -> Failure:
    ranked = np.take_along_axis(prompt.pools, metrics.top(scores[prompt.pools], K), axis=1)
    worst_pool = int(prompt.excluded[ranked].mean(axis=1).argmax())
    hits = ranked[worst_pool]
    return Failure(
        model=model,
        way=way,
        kind=prompt.group.kind,
        words=prompt.query.raw,
        wanted=tuple(mention.text for mention in prompt.query.affirmed),
        unwanted=tuple(mention.text for mention in prompt.query.negated),
        wrong=float(prompt.excluded[hits].mean()),
        pool=prompt.pools.shape[1],
        hits=tuple(
            Shown(
                rank=rank,
                image=int(ids[row]),
                score=float(scores[row]),
                wanted=bool(prompt.wanted[row]),
                excluded=bool(prompt.excluded[row]),
                jpeg=_picture(archive, int(ids[row])),
            )
            for rank, row in _shown(hits.tolist(), prompt)
        ),
    )


def _shown(hits: Sequence[int], prompt: Prompt) -> list[tuple[int, int]]:
    """The first few by rank; the last of them gives way to the first violation, if that comes later."""
    ranked = list(enumerate(hits, start=1))
    first = ranked[:SHOWN]
    late = [(rank, row) for rank, row in ranked[SHOWN:] if prompt.excluded[row]]
    if late and not any(prompt.excluded[row] for _, row in first):
        return [*first[:-1], late[0]]
    return first


def _picture(archive: Archive, image: int) -> str | None:
    jpeg = archive.thumbnail(image)
    return None if jpeg is None else base64.b64encode(jpeg).decode("ascii")
