"""The use-case of a diagnosis: an archive and some models in, everything that a report says out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from medneg.diagnostics.case import REAL, Case, make_case, model_of, tested
from medneg.diagnostics.diagnosis import Diagnosis
from medneg.diagnostics.failures import Failures, worst
from medneg.diagnostics.geometry import Geometry, measure_geometry
from medneg.diagnostics.hearing import Heard, finding_rows, group_rows, hear
from medneg.diagnostics.parts import Parts
from medneg.diagnostics.projection import Map, Maps, image_map, joint_map, prompt_maps
from medneg.diagnostics.prompts import findings_of
from medneg.diagnostics.regions import Regions, show_regions
from medneg.diagnostics.reliability import Reliabilities, reliabilities
from medneg.diagnostics.sizes import SizeName
from medneg.diagnostics.thresholds import DEFAULTS, Gate
from medneg.diagnostics.verdict import Verdict, figures_of, hold, judge
from medneg.diagnostics.weighing import Weights, weigh
from medneg.evaluation.archives import Source

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.encoders import Encoder

Progress = Callable[[int, int], None]
Part = TypeVar("Part")


COSTS = {"hear": 24, "geometry": 4, "map": 12, "joint": 3, "weigh": 40, "worst": 2, "curves": 4}
"""Rough CPU-seconds of each model's parts on the embedded model, for the progress bar's sake."""

IMAGE_MAP, REGIONS = 12, 6
"""The same of the map of images and of the regions, which are drawn once."""


class Work:
    """Makes parts, or finds them made, and says how far it is."""

    def __init__(self, case: Case, folder: Path | None, progress: Progress | None) -> None:
        self._case = case
        self._parts = Parts(folder, case.basis())
        self._progress = progress
        self._total = sum(COSTS.values()) * len(case.encoders) + IMAGE_MAP + REGIONS
        self._done = 0

    def part(
        self,
        name: str,
        kind: type[Part],
        make: Callable[[Progress], Part],
        *,
        cost: int,
        models: Sequence[int],
    ) -> Part:
        """One part, which depends on the text towers of some models."""
        started = self._done

        def tick(done: int, total: int) -> None:
            if self._progress is not None:
                self._progress(started + cost * done // max(total, 1), self._total)

        named = [(model, self._case.encoders[model].card.text_fingerprint) for model in models]
        found = self._parts.get(name, kind, lambda: make(tick), models=named)
        tick(1, 1)
        self._done += cost
        return found

    def leave_out(self, cost: int) -> None:
        """Go on without a part."""
        self._done += cost
        if self._progress is not None:
            self._progress(self._done, self._total)


def diagnose(
    archive: Archive,
    encoders: Sequence[Encoder],
    *,
    size: SizeName = "full",
    seed: int = 0,
    truth: Source = "manifest",
    gate: Gate | None = None,
    parts: Path | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Find out how well models hear "no" on a labelled archive.

    Args:
        archive: holds embeddings of their image tower, and labels.
        encoders: one or more that share an image tower; the first is the base of all comparisons.
        size: "full" for a report, "small" for a quick look.
        seed: of prompts, pools, maps and resampling.
        truth: believe manifests, or what was read in reports.
        gate: thresholds that must hold; None for no gate.
        parts: folder that keeps finished parts for another time; None keeps nothing.
        progress: called with (done, total) as work goes on.

    Raises:
        ValueError: if no encoder is given.
        ArchiveError: if no image has labels, or they name no finding.
        SpaceMismatch: if the encoders do not share an image tower, or the archive was embedded by others.
    """
    case = make_case(archive, encoders, size=size, seed=seed, truth=truth)
    work = Work(case, parts, progress)
    models = range(len(encoders))
    heard = [_hear(case, work, model) for model in models]
    geometry = tuple(_geometry(case, work, model) for model in models)
    verdicts = _verdicts(case, heard, geometry, gate)
    return Diagnosis(
        tested=tested(case, truth),
        models=tuple(model_of(name, each.card) for name, each in zip(case.names, encoders, strict=True)),
        verdicts=verdicts,
        groups=group_rows(heard, case.prompts, case.rng()),
        findings=finding_rows(heard, case.prompts),
        geometry=geometry,
        maps=_maps(case, work),
        weights=tuple(_weights(case, work, model) for model in models),
        regions=_regions(case, work),
        failures=tuple(_failures(case, work, model, heard[model]) for model in models),
        reliability=tuple(_reliability(case, work, model) for model in models),
        gate=None if gate is None else hold(gate, verdicts),
    )


def _hear(case: Case, work: Work, model: int) -> Heard:
    tower = case.encoders[model]
    return work.part(
        "hearing",
        Heard,
        lambda tick: hear(case.images, case.prompts, tower, tick),
        cost=COSTS["hear"],
        models=[model],
    )


def _geometry(case: Case, work: Work, model: int) -> Geometry:
    return work.part(
        "geometry",
        Geometry,
        lambda _: measure_geometry(
            case.encoders[model],
            case.images,
            findings_of(case.truth),
            carriers=case.size.drawn,
            rng=case.rng(),
        ),
        cost=COSTS["geometry"],
        models=[model],
    )


def _verdicts(
    case: Case, heard: Sequence[Heard], geometry: Sequence[Geometry], gate: Gate | None
) -> tuple[Verdict, ...]:
    thresholds = DEFAULTS if gate is None else gate.all_thresholds()
    drawn = all(image.phantom for image in case.archive.images(case.ids))
    return tuple(
        judge(
            model,
            name,
            figures_of(heard, case.prompts, geometry[model], model=model, rng=case.rng()),
            thresholds,
            (REAL,) if drawn else (),
        )
        for model, name in enumerate(case.names)
    )


def _maps(case: Case, work: Work) -> tuple[Map, ...]:
    findings, everyone = findings_of(case.truth), range(len(case.encoders))
    prompts = work.part(
        "prompt-maps",
        Maps,
        lambda tick: prompt_maps(case.encoders, findings, case.size, tick),
        cost=COSTS["map"] * len(case.encoders),
        models=everyone,
    )
    images = work.part(
        "image-map",
        Map,
        lambda _: image_map(case.images, case.truth, case.size, case.rng()),
        cost=IMAGE_MAP,
        models=(),
    )
    joint = [_joint_map(case, work, model) for model in everyone]
    return (*prompts.rows, images, *joint)


def _joint_map(case: Case, work: Work, model: int) -> Map:
    return work.part(
        "joint-map",
        Map,
        lambda _: joint_map(
            case.encoders[model],
            model,
            case.images,
            findings_of(case.truth),
            size=case.size,
            rng=case.rng(),
        ),
        cost=COSTS["joint"],
        models=[model],
    )


def _weights(case: Case, work: Work, model: int) -> Weights:
    return work.part(
        "weights",
        Weights,
        lambda tick: weigh(
            model,
            case.encoders[model],
            case.images,
            case.truth,
            size=case.size,
            seed=case.seed,
            progress=tick,
        ),
        cost=COSTS["weigh"],
        models=[model],
    )


def _regions(case: Case, work: Work) -> Regions:
    """Of the last model: the image tower is the same for all, and mentions are never negated sentences."""
    last = len(case.encoders) - 1
    return work.part(
        "regions",
        Regions,
        lambda tick: show_regions(
            case.encoders[last], case.prompts, case.archive, case.ids, count=case.size.regions, progress=tick
        ),
        cost=REGIONS,
        models=[last],
    )


def _failures(case: Case, work: Work, model: int, heard: Heard) -> Failures:
    return work.part(
        "failures",
        Failures,
        lambda _: worst(
            model,
            case.encoders[model],
            heard,
            case.prompts,
            images=case.images,
            ids=case.ids,
            archive=case.archive,
            count=case.size.failures,
        ),
        cost=COSTS["worst"],
        models=[model],
    )


def _reliability(case: Case, work: Work, model: int) -> Reliabilities:
    """Only where the archive holds curves: nobody else's searches show probabilities."""
    encoder = case.encoders[model]
    stored = case.archive.calibration(encoder.card)
    if stored is None or not any(stored.calibration.curves.values()):
        work.leave_out(COSTS["curves"])
        return Reliabilities(model=model, rows=())
    return work.part(
        "reliability",
        Reliabilities,
        lambda _: reliabilities(model, case.images, case.truth, encoder),
        cost=COSTS["curves"],
        models=[model],
    )
