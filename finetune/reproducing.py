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
from finetune.over_seeds import differences, means
from finetune.prompt_figures import Encode, cue_share, text_geometry, top_accuracy
from finetune.tuning import Tuning
from finetune.tuning_recipe import TuningRecipe
from medneg.encoders.dual import DualEncoder
from medneg.errors import ArchiveError
from medneg.evaluation.intervals import Figure
from medneg.evaluation.pools import balanced_pool

Progress = Callable[[int, int], None]
TEST = 70
OTHERS = "other findings, negative"
ATTRIBUTION = "share of the negation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """The table: a row per model, a column per figure.

    Attributes:
        finding: that was tuned on.
        images: that were learnt from, in each run.
        seeds: of the runs.
        rows: model to figure to its mean and interval over the seeds.
        gained: every row but the base to figure to its mean difference from the base, seed by seed.
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
        known: all labelled images; the first concept is the finding to tune on. With pixels if an image tower
            is to learn.
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
            model = Model(encoder=base, encode=base.encode_texts, see=lambda images: images)
            measured["base"][recipe.seed] = _measure(model, asked, known, recipe.seed)
        tuned = load()
        run = Tuning(out / f"{row_of(recipe)}-seed{recipe.seed}", recipe, base, tuned, learnt)
        run.run(asked)
        model = Model(encoder=tuned, encode=run.encode, see=run.seen)
        measured.setdefault(row_of(recipe), {})[recipe.seed] = _measure(model, asked, known, recipe.seed)
        if progress is not None:
            progress(done + 1, len(recipes))
    return Reproduction(
        finding=known.concepts[0],
        images=recipes[0].images or 0,
        seeds=tuple(sorted(measured["base"])),
        rows={row: means(runs) for row, runs in measured.items()},
        gained={row: differences(runs, measured["base"]) for row, runs in measured.items() if row != "base"},
    )


def row_of(recipe: TuningRecipe) -> str:
    """The row that a recipe is measured for."""
    return f"{recipe.method}-unfrozen" if recipe.unfreeze_image else recipe.method


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A base or what was tuned from it.

    Attributes:
        encoder: to look inside of.
        encode: its text tower, wherever it computes.
        see: gives images with the embeddings of its image tower.
    """

    encoder: DualEncoder
    encode: Encode
    see: Callable[[Embedded], Embedded]


def _measure(model: Model, asked: Embedded, known: Embedded, seed: int) -> dict[str, float]:
    finding = asked.concepts[0]
    there, images = asked.truth.shows(finding), model.see(asked).vectors
    return {
        **top_accuracy(model.encode, finding, images, there),
        OTHERS: _others(model, known, seed),
        **text_geometry(model.encode, finding),
        ATTRIBUTION: cue_share(model.encoder, finding, images[there]),
    }


def _others(model: Model, known: Embedded, seed: int) -> float:
    """Negative prompts about the findings that were not tuned on."""
    rng = default_rng([seed, 5])
    found = []
    for finding in known.truth.findings:
        shown = known.truth.shows(finding)
        pool = balanced_pool(shown, rng, among=shown | known.truth.lacks(finding), most=TEST // 2)
        if finding == known.concepts[0] or pool is None or len(pool) < TEST:
            continue
        images = model.see(known.rows(pool)).vectors
        figures = top_accuracy(model.encode, finding, images, shown[pool])
        found += [value for group, value in figures.items() if group.endswith("negative")]
    return float(np.mean(found)) if found else float("nan")
