"""Everything that a report says, as values: the page and its JSON twin are made from these alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medneg.diagnostics.failures import Failures
from medneg.diagnostics.geometry import Geometry
from medneg.diagnostics.hearing import FindingRow, GroupRow
from medneg.diagnostics.parts import plain
from medneg.diagnostics.projection import Map
from medneg.diagnostics.regions import Regions
from medneg.diagnostics.reliability import Reliabilities
from medneg.diagnostics.verdict import GateResult, Verdict
from medneg.diagnostics.weighing import Weights

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What was tested, on what.

    Attributes:
        images, patients: of the archive's labelled images.
        phantoms: how many of them are drawn.
        truth: where the labels come from, in words.
        findings: lexicon ids that were asked about.
        left_out: labelled findings that too few images show, or lack, to be asked about.
        prompts: how many were asked of each model.
        size: "full" or "small".
        seed: of prompts, pools, maps and resampling.
        version: of medneg.
        method, space: the default, which reads queries with the parser.
    """

    images: int
    patients: int
    phantoms: int
    truth: str
    findings: tuple[str, ...]
    left_out: tuple[str, ...]
    prompts: int
    size: str
    seed: int
    version: str
    method: str
    space: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model under test: its name, what its weights allow, and what names its weights."""

    name: str
    licence: str
    notice: str
    image_fingerprint: str
    text_fingerprint: str

    @property
    def own_name(self) -> str:
        """A tuned tower without its base's name in front: "phantom+phantom-neg" is phantom-neg."""
        return self.name.partition("+")[2] or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One report: the first model is the base, the others are compared with it.

    Attributes:
        groups, findings: the tables by group of prompts and by finding.
        geometry, weights, failures, reliability: one for each model.
        maps: of prompts by t-SNE for each model, of images by t-SNE, of both together by PCA for each model.
        regions: where the last model's mentions lie in some images.
        gate: None where no file of thresholds was given.
    """

    tested: Tested
    models: tuple[Model, ...]
    verdicts: tuple[Verdict, ...]
    groups: tuple[GroupRow, ...]
    findings: tuple[FindingRow, ...]
    geometry: tuple[Geometry, ...]
    maps: tuple[Map, ...]
    weights: tuple[Weights, ...]
    regions: Regions
    failures: tuple[Failures, ...]
    reliability: tuple[Reliabilities, ...]
    gate: GateResult | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values in the shape of docs/reference/diagnosis.schema.json, without pictures."""
        told: dict[str, Any] = {"schema_version": SCHEMA_VERSION, **plain(self)}
        shown = [hit for of_model in told["failures"] for row in of_model["rows"] for hit in row["hits"]]
        mapped = [region for row in told["regions"]["rows"] for region in row["regions"]]
        for picture in shown + mapped:
            del picture["jpeg"]
        for verdict in told["verdicts"]:
            for check in verdict["checks"]:
                check["threshold"] = _threshold(check["threshold"])
        return told


def _threshold(told: dict[str, Any]) -> dict[str, Any]:
    """A threshold under the name that a gate's file gives it."""
    table = "sentences" if told["way"] == "sentence" else "parsed"
    return {"key": f"{table}.{told['name']}", **told}
