"""Ten times the CON2 paper's images and all findings: what each choice of a tuning gains and costs.

It answers what the paper (arXiv 2512.17121) leaves open: the share of hard distractors, the image tower
unfrozen, findings that were never tuned on, and whether another objective spares positive prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float64
from numpy.random import default_rng
from numpy.typing import NDArray

from finetune.embedded import Embedded, draw_images, split
from finetune.prompt_figures import Encode
from finetune.study_figures import heard, image_tower, reading, zero_shot
from finetune.tuning import Tuning
from finetune.tuning_recipe import TuningRecipe
from medneg.encoders.dual import DualEncoder
from medneg.evaluation.intervals import Figure, mean_interval
from medneg.evaluation.truth import related

Progress = Callable[[int, int], None]
Units = dict[str, NDArray[float64]]
"""Figure to a number for each finding or question."""

Measured = dict[str, dict[int, Units]]
"""Row to seed to what was measured."""

ROWS = ("con1", "con2-0", "con2-0.5", "con2-1", "con2-distill", "con2-half", "label-aware", "con2-unfrozen")
"""con2-R: R of the distractors are twins; half of them in the rows that follow. con2-distill is also held to
the base where nothing is denied, con2-half knows every other finding only, con2-unfrozen has the image tower
in the loop."""

COMPARED = {
    "CON2 against CON1": ("con2-0.5", "con1"),
    "twins only against none": ("con2-1", "con2-0"),
    "held to the base against not": ("con2-distill", "con2-0.5"),
    "label-aware against CON2 held to the base": ("label-aware", "con2-distill"),
    "all findings against half": ("con2-0.5", "con2-half"),
    "image tower unfrozen against frozen": ("con2-unfrozen", "con2-0.5"),
}

DISTILL = 5.0
"""Weight of staying with the base where it is asked for; label-aware tuning's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The table. Intervals are over findings or questions; that trainings differ is in them only in so far as
    there are several seeds.

    Attributes:
        images: that each run learnt from.
        seeds: row to how many runs it is the mean of.
        apart: the findings that con2-half never saw.
        rows: row to figure to its mean over seeds and questions, with the interval; "base" first.
        compared: what was compared to figure to the mean difference, question by question, at shared seeds.
    """

    images: int
    seeds: dict[str, int]
    apart: tuple[str, ...]
    rows: dict[str, dict[str, Figure]]
    compared: dict[str, dict[str, Figure]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bench:
    """What every run of a study is made of.

    Attributes:
        out: gets a folder for each run.
        known: all labelled images.
        load: loads the base anew.
        pixels: gives images their pixels, kept in a folder.
    """

    out: Path
    known: Embedded
    load: Callable[[], DualEncoder]
    pixels: Callable[[Embedded, Path], Embedded]


def recipe_of(row: str, common: TuningRecipe, concepts: Sequence[str]) -> TuningRecipe:
    """The recipe of a row.

    Args:
        common: CON2 with the numbers that all rows share.
        concepts: the labelled findings.
    """
    if row in ("con1", "label-aware"):
        distill = DISTILL if row == "label-aware" else 0.0
        return replace(common, method="con1" if row == "con1" else "label-aware", distill=distill)
    kind = row.removeprefix("con2-")
    changes: dict[str, dict[str, Any]] = {
        "distill": {"distill": DISTILL},
        "half": {"findings": halves(concepts)[0]},
        "unfrozen": {"unfreeze_image": True, "precision": "bf16"},
    }
    return replace(common, **(changes[kind] if kind in changes else {"distractors": float(kind)}))


def halves(findings: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every other finding, and those of the rest that are no kind of one of them nor the other way round."""
    tuned = tuple(findings[::2])
    return tuned, tuple(f for f in findings[1::2] if not any(related(f, known) for known in tuned))


def study(
    bench: Bench,
    common: TuningRecipe,
    seeds: int,
    *,
    rows: Sequence[str] = ROWS,
    progress: Progress | None = None,
) -> Study:
    """Tune and measure every row with every seed; a run that was broken off goes on where it stopped.

    Args:
        bench: images, base and place.
        common: CON2 with the numbers that all rows share; ``images`` says how many to learn from.
        seeds: how many.
        rows: some of ``ROWS``.
        progress: called with (done, total) runs.
    """
    findings = bench.known.truth.findings
    measured: Measured = {"base": {}}
    for done, (seed, row) in enumerate((seed, row) for seed in range(seeds) for row in rows):
        recipe = recipe_of(row, replace(common, seed=seed), findings)
        if seed not in measured["base"]:
            measured["base"][seed] = _measure_base(bench, recipe)
        measured.setdefault(row, {})[seed] = _measure(bench, row, recipe)
        if progress is not None:
            progress(done + 1, seeds * len(rows))
    return Study(
        images=common.images or len(bench.known),
        seeds={row: len(runs) for row, runs in measured.items()},
        apart=halves(findings)[1],
        rows={row: _figures(_mean(runs, tuple(runs))) for row, runs in measured.items()},
        compared={
            what: _difference(measured[one], measured[other])
            for what, (one, other) in COMPARED.items()
            if one in measured and other in measured
        },
    )


def _mean(runs: dict[int, Units], seeds: tuple[int, ...]) -> Units:
    """Every unit's mean over the seeds; NaN where no seed could ask it."""
    found = {}
    for name in runs[seeds[0]]:
        table = np.stack([runs[seed][name] for seed in seeds])
        count = (~np.isnan(table)).sum(0)
        found[name] = np.where(count > 0, np.nansum(table, axis=0) / np.maximum(count, 1), np.nan)
    return found


def _difference(runs: dict[int, Units], others: dict[int, Units]) -> dict[str, Figure]:
    seeds = tuple(seed for seed in runs if seed in others)
    one, other = _mean(runs, seeds), _mean(others, seeds)
    return _figures({name: one[name] - other[name] for name in one})


def _figures(units: Units) -> dict[str, Figure]:
    return {name: mean_interval(values, default_rng(0)) for name, values in units.items()}


def _measure_base(bench: Bench, recipe: TuningRecipe) -> Units:
    learnt, watched = _parts(bench, recipe)
    base = bench.load()
    return _of(learnt, watched, base.encode_texts, base.card.template)


def _measure(bench: Bench, row: str, recipe: TuningRecipe) -> Units:
    """Tune a row with a seed, and measure it on the images that are watched."""
    folder = bench.out / f"{row}-seed{recipe.seed}"
    learnt, watched = _parts(bench, recipe)
    if recipe.unfreeze_image:
        learnt, watched = bench.pixels(learnt, folder), bench.pixels(watched, folder)
    base, named = bench.load(), recipe.findings or learnt.concepts
    run = Tuning(folder, recipe, base, bench.load(), replace(learnt, concepts=named))
    run.run(watched)
    return _of(run.seen(learnt), run.seen(watched), run.encode, base.card.template)


def _parts(bench: Bench, recipe: TuningRecipe) -> tuple[Embedded, Embedded]:
    """Images to learn from and images to watch, the same in every row of a seed."""
    learnt, watched = split(bench.known, seed=recipe.seed)
    return draw_images(learnt, recipe.images or len(learnt), seed=recipe.seed), watched


def _of(learnt: Embedded, watched: Embedded, encode: Encode, template: str) -> Units:
    told = heard(watched, encode)
    places = [watched.concepts.index(finding) for finding in halves(watched.truth.findings)[1]]
    return {
        **told,
        **{f"no X of those set apart, {of}": told[f"no X, {of}"][places] for of in ("trained", "unseen")},
        "AUC of naming X": zero_shot(watched, encode, template),
        "AUC of the image tower": image_tower(learnt, watched),
        **reading(watched, encode),
    }
