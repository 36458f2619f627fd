"""What a phantom shows, before it is drawn: the exact truth that labels, report and pixels all come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

View = Literal["PA", "AP", "LATERAL"]
Sex = Literal["F", "M"]
Side = Literal["left", "right", "bilateral", "midline"]
Size = Literal["small", "moderate", "large"]

FINDINGS = (
    "pleural_effusion",
    "pneumothorax",
    "cardiomegaly",
    "consolidation",
    "pulmonary_edema",
    "atelectasis",
    "lung_nodule",
    "lung_mass",
    "calcified_granuloma",
    "aortic_calcification",
    "rib_fracture",
    "pacemaker",
    "endotracheal_tube",
    "central_venous_catheter",
)
"""Lexicon ids of everything that a phantom can show, in the order of the columns of ``labels.csv``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is drawn. ``seed`` fixes the anatomy, so all studies of one person look alike.

    ``habitus`` runs from -1 (slender) over 0 to +1 (heavy); ``age`` is in years.
    """

    seed: int
    sex: Sex
    age: int
    habitus: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """How the exposure was made. ``seed`` fixes noise and everything that the fields leave open.

    Attributes:
        view: projection.
        rotation: of the patient about the long axis, degrees, positive to the patient's left.
        inspiration: depth of breath in [0, 1]; 1 is full inspiration.
        exposure: relative to the ideal dose; noise grows as it falls.
        collimation: share of the field's width and height that is blocked at the edges, in [0, 0.15].
        rows, columns: of the picture, pixels.
    """

    seed: int
    view: View
    rotation: float = 0.0
    inspiration: float = 0.8
    exposure: float = 1.0
    collimation: float = 0.0
    rows: int = 512
    columns: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingTruth:
    """One finding that is there. ``seed`` fixes its shape: with and without it, all else stays the same.

    ``side`` is the patient's; ``place`` is a word of the field ("upper", "middle", "lower", "apical",
    "basal", "perihilar", "arch"), None where it says nothing.
    """

    finding: str
    seed: int
    side: Side | None = None
    size: Size | None = None
    place: str | None = None

    def __post_init__(self) -> None:
        if self.finding not in FINDINGS:
            raise ValueError(f"finding must be one of {', '.join(FINDINGS)}; got {self.finding!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One radiograph to draw: a person, a technique, and the findings that are there, each at most once."""

    person: Person
    technique: Technique
    findings: tuple[FindingTruth, ...] = ()

    def __post_init__(self) -> None:
        names = [truth.finding for truth in self.findings]
        if len(set(names)) != len(names):
            raise ValueError(f"a Picture names each finding at most once; got {names}")

    def find(self, finding: str) -> FindingTruth | None:
        """The truth of one finding, or None when it is not there."""
        return next((truth for truth in self.findings if truth.finding == finding), None)
