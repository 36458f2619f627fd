"""The protocol of the CON2 paper (arXiv 2512.17121) on any archive: base against CON1 against CON2.

Text towers are tuned on 230 images of one finding, half of which show it, for five epochs, and asked the 99
prompts about 70 images of other people, half of which show it. The paper tells of one split; here several
seeds draw split, order and prompts anew, and figures come with an interval over them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import default_rng

from finetune.embedded import Embedded, balanced
from finetune.prompt_figures import Encode, text_geometry, top_accuracy
from finetune.tuning import Tuning
from finetune.tuning_recipe import TuningRecipe
from medneg.encoders.dual import DualEncoder
from medneg.errors import ArchiveError
from medneg.evaluation.intervals import Figure, mean_interval
from medneg.evaluation.pools import balanced_pool

Progress = Callable[[int, int], None]
TEST = 70
OTHERS = "other findings, negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """The table: a row per model, a column per figure.

    Attributes:
        finding: that was tuned on.
        images: that were learnt from, in each run.
        seeds: of the runs.
        rows: model to figure to its mean and interval over the seeds.
        gained: CON1 and CON2 to figure to its mean difference from the base, seed by seed, and interval.
    """

    finding: str
    images: int
    seeds: tuple[int, ...]
    rows: dict[str, dict[str, Figure]]
    gained: dict[str, dict[str, Figure]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def reproduce(
    out: Path,
    known: Embedded,
    load: Callable[[], DualEncoder],
    recipes: Sequence[TuningRecipe],
    *,
    progress: Progress | None = None,
) -> Reproduction:
    """Tune and measure every recipe; a run that was broken off goes on where it stopped.

    Args:
        out: gets one run folder for each recipe.
        known: all labelled images; the first concept is the finding to tune on.
        load: loads the base anew.
        recipes: CON1 and CON2, the same number of seeds each; ``images`` says how many to learn from.
        progress: called with (done, total) recipes.

    Raises:
        ArchiveError: if the archive has too few images with or without the finding.
    """
    measured: dict[str, dict[int, dict[str, float]]] = {"base": {}}
    base = load()
    for done, recipe in enumerate(recipes):
        learnt, asked = part(known, recipe.images or len(known) - TEST, seed=recipe.seed)
        if recipe.seed not in measured["base"]:
            measured["base"][recipe.seed] = _measure(base.encode_texts, asked, known, recipe.seed)
        run = Tuning(out / f"{recipe.method}-seed{recipe.seed}", recipe, base, load(), learnt)
        run.run(asked)
        measured.setdefault(recipe.method, {})[recipe.seed] = _measure(run.encode, asked, known, recipe.seed)
        if progress is not None:
            progress(done + 1, len(recipes))
    return _table(known.concepts[0], recipes, measured)


def part(known: Embedded, images: int, *, seed: int) -> tuple[Embedded, Embedded]:
    """Images to learn from and 70 to ask, balanced both, of different people."""
    rng = default_rng([seed, 4])
    shown = known.truth.shows(known.concepts[0])
    asked = balanced_pool(shown, rng, among=shown | known.truth.lacks(known.concepts[0]), most=TEST // 2)
    if asked is None or len(asked) < TEST:
        raise ArchiveError(
            f"the archive has too few images with or without {known.concepts[0]}; "
            f"it takes {TEST // 2} of each"
        )
    people = known.truth.patients[asked]
    others = known.rows(~np.isin(known.truth.patients, people))
    return balanced(others, images, seed=seed), known.rows(asked)


def _measure(encode: Encode, asked: Embedded, known: Embedded, seed: int) -> dict[str, float]:
    finding = asked.concepts[0]
    figures = top_accuracy(encode, finding, asked.vectors, asked.truth.shows(finding))
    return {**figures, OTHERS: _others(encode, known, seed), **text_geometry(encode, finding)}


def _others(encode: Encode, known: Embedded, seed: int) -> float:
    """Negative prompts about the findings that were not tuned on."""
    rng = default_rng([seed, 5])
    found = []
    for finding in known.truth.findings:
        shown = known.truth.shows(finding)
        pool = balanced_pool(shown, rng, among=shown | known.truth.lacks(finding), most=TEST // 2)
        if finding == known.concepts[0] or pool is None or len(pool) < TEST:
            continue
        figures = top_accuracy(encode, finding, known.vectors[pool], shown[pool])
        found += [value for group, value in figures.items() if group.endswith("negative")]
    return float(np.mean(found)) if found else float("nan")


def _table(
    finding: str, recipes: Sequence[TuningRecipe], measured: dict[str, dict[int, dict[str, float]]]
) -> Reproduction:
    seeds = tuple(sorted(measured["base"]))
    rng = default_rng(0)
    names = list(measured["base"][seeds[0]])
    columns = {
        model: {name: np.array([by_seed[seed][name] for seed in seeds]) for name in names}
        for model, by_seed in measured.items()
    }
    return Reproduction(
        finding=finding,
        images=recipes[0].images or 0,
        seeds=seeds,
        rows={
            model: {name: mean_interval(values, rng) for name, values in of_model.items()}
            for model, of_model in columns.items()
        },
        gained={
            model: {
                name: mean_interval(values - columns["base"][name], rng) for name, values in of_model.items()
            }
            for model, of_model in columns.items()
            if model != "base"
        },
    )
