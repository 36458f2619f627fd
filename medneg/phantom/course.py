"""One finding at one time, and what becomes of it until the patient's next study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from numpy.random import Generator

from medneg.phantom.truth import FindingTruth, Side, Size

_Key = TypeVar("_Key")

SIZES: tuple[Size, ...] = ("small", "moderate", "large")
SIZE_ODDS = (0.4, 0.37, 0.23)

UNSIZED = ("pacemaker", "endotracheal_tube", "central_venous_catheter")
"""Devices have no size."""

FOR_GOOD = ("calcified_granuloma", "aortic_calcification", "pacemaker")
"""What never goes, and comes so slowly that no follow-up here sees it."""

LINGERING = {"cardiomegaly": 0.92, "lung_mass": 0.9, "lung_nodule": 0.85, "rib_fracture": 0.85}
"""Probability of being there still at the next study, whenever it is; the rest is acute."""

WITHIN_DAYS, LATER = 0.65, 0.3
"""The same for acute findings, at most and more than ``SOON`` days later."""

SOON = 14

RESIZED = 0.4
"""Share of findings still there whose size has moved by one step."""

_SIDES: dict[str, dict[Side, float]] = {
    "pleural_effusion": {"left": 0.48, "right": 0.52},
    "pneumothorax": {"left": 0.46, "right": 0.54},
    "consolidation": {"left": 0.38, "right": 0.47, "bilateral": 0.15},
    "pulmonary_edema": {"bilateral": 1.0},
    "atelectasis": {"left": 0.42, "right": 0.33, "bilateral": 0.25},
    "lung_nodule": {"left": 0.46, "right": 0.54},
    "lung_mass": {"left": 0.45, "right": 0.55},
    "calcified_granuloma": {"left": 0.45, "right": 0.55},
    "rib_fracture": {"left": 0.5, "right": 0.5},
    "pacemaker": {"left": 0.86, "right": 0.14},
    "endotracheal_tube": {"midline": 1.0},
    "central_venous_catheter": {"left": 0.27, "right": 0.73},
}

_PLACES: dict[str, dict[str | None, float]] = {
    "pneumothorax": {"apical": 0.85, "basal": 0.15},
    "consolidation": {"upper": 0.25, "middle": 0.22, "lower": 0.4, "perihilar": 0.13},
    "pulmonary_edema": {"perihilar": 0.5, None: 0.5},
    "atelectasis": {"basal": 0.6, "lower": 0.2, "middle": 0.12, "upper": 0.08},
    "lung_nodule": {"upper": 0.45, "middle": 0.25, "lower": 0.3},
    "lung_mass": {"upper": 0.42, "middle": 0.15, "lower": 0.25, "perihilar": 0.18},
    "calcified_granuloma": {"upper": 0.42, "middle": 0.25, "lower": 0.25, "perihilar": 0.08},
    "aortic_calcification": {"arch": 1.0},
    "rib_fracture": {"upper": 0.2, "middle": 0.45, "lower": 0.35},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The time between two studies of one patient, in days."""

    days: int

    @property
    def soon(self) -> bool:
        """Whether acute findings are likely to be there still."""
        return self.days <= SOON


def appear(finding: str, rng: Generator, *, bilateral: float = 0.27) -> FindingTruth:
    """Draw side, size, place and shape of a finding that is new.

    Args:
        bilateral: probability that a pleural effusion is on both sides.
    """
    sides: dict[Side, float] = _SIDES.get(finding, {})
    if finding == "pleural_effusion":
        sides = {side: odds * (1 - bilateral) for side, odds in sides.items()} | {"bilateral": bilateral}
    place = _choose(_PLACES.get(finding, {}), rng)
    size = _choose(dict(zip(SIZES, SIZE_ODDS, strict=True)), rng)
    return FindingTruth(
        finding=finding,
        seed=int(rng.integers(2**31)),
        side=_choose(sides, rng),
        size=None if finding in UNSIZED else size,
        place=None if finding == "pneumothorax" and size == "large" else place,
    )


def still_there(finding: str, probability: float, interval: Interval) -> float:
    """Probability that a finding is there at the next study, given that it was there at the last.

    It is raised where ``new_since`` would otherwise exceed 1, so that the share of studies that show
    the finding stays ``probability`` at every visit.
    """
    wanted = LINGERING.get(finding, WITHIN_DAYS if interval.soon else LATER)
    return 1.0 if finding in FOR_GOOD else max(wanted, (2 * probability - 1) / probability)


def new_since(finding: str, probability: float, interval: Interval) -> float:
    """Probability of a finding that was not there: p (1 - r) / (1 - p) keeps the chain stationary at p."""
    if probability >= 1:
        return 1.0
    return probability * (1 - still_there(finding, probability, interval)) / (1 - probability)


def persist(truth: FindingTruth, rng: Generator) -> FindingTruth:
    """The same finding at the next study: same place and shape, sometimes one size larger or smaller."""
    step = int(rng.choice([-1, 1])) if rng.random() < RESIZED else 0
    if truth.size is None or truth.finding in FOR_GOOD or step == 0:
        return truth
    index = min(max(SIZES.index(truth.size) + step, 0), len(SIZES) - 1)
    return replace(truth, size=SIZES[index])


def _choose(odds: Mapping[_Key, float], rng: Generator) -> _Key | None:
    """One key, by its odds; None of no keys. It always takes one draw, whatever the odds."""
    draw = rng.random() * sum(odds.values())
    for key, weight in odds.items():
        draw -= weight
        if draw < 0:
            return key
    return None
