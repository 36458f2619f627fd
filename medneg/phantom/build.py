"""The measures of one chest, from person, technique and the findings that move organs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medneg.phantom.geometry import Point
from medneg.phantom.truth import Picture

APEX = 50.0
"""Top of the lungs, millimetres below the top of the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Measures of one chest, millimetres. Left and right are the patient's.

    Attributes:
        supine: whether the film is taken from the front (AP), in bed.
        half_width: of the rib cage inside, at its widest.
        wall: soft tissue outside the ribs.
        thickness: of the trunk from front to back.
        air: longest path through a lung.
        dome_right, dome_left: height of the diaphragm.
        rest: height of both halves of the diaphragm before a finding raises one; bones and heart go by it.
        heart: its width over the inner width of the chest (cardiothoracic ratio).
        knob: radius of the aortic arch.
        sway: how far the front of the chest is turned to the left.
        shift: of the mediastinum to the left.
        bone: relative density of bone.
        breast: radius of the breasts, 0 for none.
        wander: ten numbers in [-1, 1] that make this person unlike others.
    """

    supine: bool
    half_width: float
    wall: float
    thickness: float
    air: float
    dome_right: float
    dome_left: float
    rest: tuple[float, float]
    heart: float
    knob: float
    sway: float
    shift: float
    bone: float
    breast: float
    wander: tuple[float, ...]

    def dome_of(self, sign: int) -> float:
        """Height of one half of the diaphragm; ``sign`` is +1 for the left, -1 for the right."""
        return self.dome_left if sign > 0 else self.dome_right

    @property
    def base(self) -> float:
        """Height of the diaphragm at rest, the mean of both halves."""
        return 0.5 * (self.rest[0] + self.rest[1])

    @property
    def knob_centre(self) -> Point:
        """Middle of the aortic arch."""
        return 22.0 + 0.35 * self.knob + self.sway * 0.5 + self.shift, 104.0

    @property
    def carina(self) -> Point:
        """Where the trachea divides."""
        return -2.0 + self.sway * 0.5 + self.shift, 126.0


def build_of(picture: Picture) -> Build:
    """Measure the chest of a person on one film; findings that move organs are heeded."""
    person, technique = picture.person, picture.technique
    rng = np.random.default_rng([person.seed, 1])
    wander = tuple(float(v) for v in rng.uniform(-1, 1, 10))
    supine = technique.view == "AP"
    male, old = person.sex == "M", max(0.0, person.age - 45) / 40
    breath = technique.inspiration - 0.8 - (0.25 if supine else 0.0)
    dome = 281.0 + 34 * breath + 7 * wander[0] - 5 * person.habitus
    rest = (dome, dome + 11 + 4 * wander[4])
    return Build(
        supine=supine,
        half_width=127.0 + 7 * male + 5 * wander[1] + 4 * person.habitus,
        wall=27.0 + 15 * person.habitus + 3 * wander[2],
        thickness=212.0 + 36 * person.habitus + 8 * male,
        air=146.0 + 22 * breath + 8 * wander[3],
        dome_right=rest[0] - _raised(picture, "right"),
        dome_left=rest[1] - _raised(picture, "left"),
        rest=rest,
        heart=_heart_ratio(picture, wander[5]),
        knob=15.0 + 5 * old + 1.5 * wander[6],
        sway=1.3 * technique.rotation,
        shift=_pushed(picture),
        bone=(1.0 - 0.3 * old * (1.0 if not male else 0.6)) * (1 + 0.1 * wander[7]),
        breast=0.0 if male else 52.0 + 12 * person.habitus + 6 * wander[8],
        wander=wander,
    )


def _heart_ratio(picture: Picture, wander: float) -> float:
    supine = picture.technique.view == "AP"
    truth = picture.find("cardiomegaly")
    if truth is None:
        return 0.445 + 0.03 * wander + (0.035 if supine else 0.0)
    rng = np.random.default_rng([truth.seed, 1])
    low = {"small": 0.565, "moderate": 0.61, "large": 0.665}[truth.size or "moderate"]
    return low + float(rng.uniform(0, 0.04)) + (0.015 if supine else 0.0)


def _raised(picture: Picture, side: str) -> float:
    truth = picture.find("atelectasis")
    if truth is None or truth.side not in (side, "bilateral"):
        return 0.0
    return {"small": 4.0, "moderate": 12.0, "large": 26.0}[truth.size or "moderate"]


def _pushed(picture: Picture) -> float:
    away = {"right": 1.0, "left": -1.0}
    push = 0.0
    for name, by in (("pleural_effusion", 8.0), ("pneumothorax", 8.0), ("atelectasis", -11.0)):
        truth = picture.find(name)
        if truth is not None and truth.size == "large":
            push += by * away.get(truth.side or "", 0.0)
    return push
