"""How a model ranks images for each kind of prompt: as a whole sentence, and through the default method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy import float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.compiling import make_plan
from medneg.diagnostics.prompts import KINDS, WORDINGS, Group, Prompt, PromptKind
from medneg.evaluation import metrics
from medneg.evaluation.intervals import Figure, mean_interval
from medneg.evaluation.measuring import K
from medneg.evaluation.projections import Projections
from medneg.evaluation.questions import RememberingTower
from medneg.evaluation.significance import Difference, paired_differences
from medneg.evaluation.wordings import Wording
from medneg.search import DEFAULT_METHOD, DEFAULT_SPACE, PLAIN

if TYPE_CHECKING:
    from medneg.scoring import SpaceName, TextTower

Progress = Callable[[int, int], None]
Way = Literal["sentence", "parsed"]
"""A whole sentence against the images by plain cosine, or read by the parser and scored by the default."""

WAYS: dict[Way, tuple[str, SpaceName]] = {"sentence": PLAIN, "parsed": (DEFAULT_METHOD, DEFAULT_SPACE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One model's answers: for each prompt, by way, shares of the first ten, mean over its pools.

    Attributes:
        right: answer the prompt.
        wrong: show what was excluded.
    """

    right: Mapping[Way, tuple[float, ...]]
    wrong: Mapping[Way, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One model in one way on one group of prompts.

    Attributes:
        model: its place among the models; the first is the base.
        prompts: how many were asked; the figures' n is of findings or pairs.
        right, wrong: shares of the first ten that answer, and that show what was excluded.
        gain: right minus the base's in the same way; None for the base itself.
        gain_over_sentence: right minus that of the same model's whole sentences; None for these.
    """

    model: int
    way: Way
    kind: PromptKind
    wording: Wording
    prompts: int
    right: Figure
    wrong: Figure
    gain: Difference | None = None
    gain_over_sentence: Difference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One model in one way on one finding: shares of the first ten, over both wordings.

    Attributes:
        affirmed: of "X", right.
        negated: of "no X", right.
        excluded: of "A but no X", showing X nevertheless.
    """

    model: int
    way: Way
    finding: str
    affirmed: float
    negated: float
    excluded: float


def hear(
    images: NDArray[np.float32], prompts: Sequence[Prompt], tower: TextTower, progress: Progress | None = None
) -> Heard:
    """Ask one model all prompts in both ways.

    Args:
        images: unit embeddings, shape (n, d).
        prompts: drawn on the same n images.
        tower: reads them.
        progress: called with (done, total) prompts.
    """
    remembering = RememberingTower(tower)
    remembering.remember([prompt.query.sentence for prompt in prompts])
    projections = Projections(images)
    found = np.full((len(WAYS), len(prompts), 2), np.nan)
    for place, prompt in enumerate(prompts):
        for number, (method, space) in enumerate(WAYS.values()):
            plan = make_plan(prompt.query, remembering, None, method=method, space=space)
            found[number, place] = _shares(projections.score(plan), prompt)
        if progress is not None:
            progress(place + 1, len(prompts))
    ways = list(enumerate(WAYS))
    return Heard(
        right={way: tuple(found[number, :, 0].tolist()) for number, way in ways},
        wrong={way: tuple(found[number, :, 1].tolist()) for number, way in ways},
    )


def _shares(scores: NDArray[float64], prompt: Prompt) -> tuple[float, float]:
    best = np.take_along_axis(prompt.pools, metrics.top(scores[prompt.pools], K), axis=1)
    right, wrong = (metrics.precision(flags[best], K).mean() for flags in (prompt.right, prompt.excluded))
    return float(right), float(wrong)


def unit_means(
    values: Sequence[float], prompts: Sequence[Prompt], chosen: Callable[[Prompt], bool]
) -> dict[str, float]:
    """By unit the mean over its chosen prompts, in the prompts' order."""
    of_unit: dict[str, list[float]] = {}
    for prompt, value in zip(prompts, values, strict=True):
        if chosen(prompt):
            of_unit.setdefault(prompt.unit, []).append(value)
    return {unit: float(np.mean(some)) for unit, some in of_unit.items()}


def of_kind(kind: PromptKind) -> Callable[[Prompt], bool]:
    """Chooses the prompts of one kind in both wordings."""
    return lambda prompt: prompt.group.kind == kind


def overall(
    heard: Heard, prompts: Sequence[Prompt], *, way: Way, kind: PromptKind, wrong: bool = False
) -> NDArray[float64]:
    """By unit the share of the first ten that is right (or wrong), over both wordings, shape (units,)."""
    values = (heard.wrong if wrong else heard.right)[way]
    return np.array(list(unit_means(values, prompts, of_kind(kind)).values()), float64)


def group_rows(heard: Sequence[Heard], prompts: Sequence[Prompt], rng: Generator) -> tuple[GroupRow, ...]:
    """The table by group of prompts, with paired permutation tests on the same units and pools.

    Holm's correction is over all tests of the table.
    """
    keys = [
        (Group(kind, wording), way, model)
        for kind in KINDS
        for wording in WORDINGS
        for way in WAYS
        for model in range(len(heard))
        if any(prompt.group == (kind, wording) for prompt in prompts)
    ]
    right = {key: _of_group(heard[key[2]].right[key[1]], prompts, key[0]) for key in keys}
    tests = [(key, (key[0], key[1], 0)) for key in keys if key[2]]
    tests += [(key, (key[0], "sentence", key[2])) for key in keys if key[1] == "parsed"]
    differences = _differences([(right[ours], right[theirs]) for ours, theirs in tests], rng)
    known = dict(zip(tests, differences, strict=True))
    return tuple(
        GroupRow(
            model=model,
            way=way,
            kind=group.kind,
            wording=group.wording,
            prompts=sum(prompt.group == group for prompt in prompts),
            right=mean_interval(right[group, way, model], rng),
            wrong=mean_interval(_of_group(heard[model].wrong[way], prompts, group), rng),
            gain=known.get(((group, way, model), (group, way, 0))),
            gain_over_sentence=known.get(((group, way, model), (group, "sentence", model))),
        )
        for group, way, model in keys
    )


def _of_group(values: Sequence[float], prompts: Sequence[Prompt], group: Group) -> NDArray[float64]:
    return np.array(list(unit_means(values, prompts, lambda prompt: prompt.group == group).values()), float64)


def _differences(
    pairs: Sequence[tuple[NDArray[float64], NDArray[float64]]], rng: Generator
) -> tuple[Difference, ...]:
    """Paired tests of unequal length as one family: what is short is filled with NaN, which is left out."""
    if not pairs:
        return ()
    length = max(len(ours) for ours, _ in pairs)
    padded = [
        np.stack([np.pad(side, (0, length - len(side)), constant_values=np.nan) for side in pair])
        for pair in pairs
    ]
    ours, theirs = np.stack(padded, axis=1)
    return paired_differences(ours, theirs, rng)


def finding_rows(heard: Sequence[Heard], prompts: Sequence[Prompt]) -> tuple[FindingRow, ...]:
    """The table by finding."""
    findings = dict.fromkeys(finding for prompt in prompts for finding in prompt.asked.findings)
    return tuple(
        FindingRow(
            model=model,
            way=way,
            finding=finding,
            affirmed=_mean(one.right[way], prompts, "X", finding),
            negated=_mean(one.right[way], prompts, "no X", finding),
            excluded=_mean(one.wrong[way], prompts, "A but no B", finding),
        )
        for finding in findings
        for way in WAYS
        for model, one in enumerate(heard)
    )


def _mean(values: Sequence[float], prompts: Sequence[Prompt], kind: PromptKind, finding: str) -> float:
    """Over the prompts of a kind that are about a finding, or exclude it."""
    own = [
        value
        for prompt, value in zip(prompts, values, strict=True)
        if prompt.group.kind == kind
        and finding in (prompt.asked.wanted if kind == "X" else prompt.asked.unwanted)
    ]
    return float(np.mean(own)) if own else float("nan")
