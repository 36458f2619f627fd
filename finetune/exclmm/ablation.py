"""The paper's table 2 with our numbers: each row a training of its own, beside methods that need none."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune.embedded import Embedded
from finetune.exclmm.learning import seconds_of
from finetune.exclmm.measuring import Answered, Gallery, headline
from finetune.exclmm.recipe import Recipe, as_printed
from finetune.exclmm.run import Say, Training
from finetune.exclmm.stages import CodingHead
from finetune.exclmm.texts import Reader
from medneg.scoring import TextTower
from medneg.search import DEFAULT_METHOD

METHODS = {"exclmm": "clauses", "exclmm-sentence": "sentence"}
"""The methods that ask an exclusion encoder, and what it hears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        name: what was done.
        method: how it was asked, a name in ``medneg.scoring.METHODS``.
        seconds: of one processor, that its phases learnt for, sentences being read already; 0 without any.
        answers: figures by kind and wording of the questions.
    """

    name: str
    method: str
    seconds: float
    answers: Mapping[str, Answered]

    def to_json(self) -> dict[str, Any]:
        """The row as plain values."""
        told = {"name": self.name, "method": self.method, "seconds": self.seconds}
        return told | {"answers": {kind: found.to_json() for kind, found in self.answers.items()}}


def variants(recipe: Recipe, tuned: str | None) -> dict[str, Recipe]:
    """The recipes of the table by what was changed.

    Args:
        recipe: the full one.
        tuned: a tuned text tower for the row that hears with it; None leaves that row out.
    """
    found = {
        "ExclMM": recipe,
        "losses as printed (τ = 1)": as_printed(recipe),
        "without the triplet loss": replace(recipe, triplet=0.0),
        "without the contrast": replace(recipe, contrast=0.0),
        "without the caption mask": replace(recipe, masked=False),
        "on raw embeddings": replace(recipe, raw=True),
    }
    if tuned is not None:
        found["heard by a tuned text tower"] = replace(recipe, text_encoder=tuned)
    return found


def ablate(
    out: Path,
    recipes: Mapping[str, Recipe],
    data: Embedded,
    gallery: Gallery,
    readers: Mapping[str | None, Reader],
    *,
    say: Say,
) -> list[Row]:
    """Train every variant in a folder of its own and ask each.

    Args:
        out: folder of the runs; finished ones are not trained again.
        recipes: of ``variants``, the full one first.
        data: what to learn from.
        gallery: what is asked of other people's images.
        readers: text towers by the recipe's ``text_encoder``.
        say: gives progress callbacks.
    """
    rows = []
    first: Path | None = None
    for name, recipe in recipes.items():
        reader = readers[recipe.text_encoder]
        folder = out / name.partition(" (")[0].replace(" ", "-")
        if first is not None and not recipe.raw and same_codes(recipe, next(iter(recipes.values()))):
            _begin_with(folder, first)
        first = first or folder
        training = Training(folder, recipe, data, reader)
        head = training.raw_head(say) if recipe.raw else training.head(f"ablation, {name}", say)
        seconds = seconds_of(folder)
        if recipe == next(iter(recipes.values())):
            rows.append(
                _row("stage 1 alone, dimensions suppressed", "exclmm-suppress", 0.0, gallery, reader, head)
            )
        rows += [_row(name, method, seconds, gallery, reader, head) for method in METHODS]
    return rows


def beside(gallery: Gallery, towers: Mapping[str, TextTower]) -> list[Row]:
    """Rows that need no head: the default, and whole sentences by plain cosine in each tower.

    Args:
        gallery: what is asked.
        towers: by name, the base first.
    """
    base, tower = next(iter(towers.items()))
    rows = [
        Row(
            name=f"default, {base}",
            method=DEFAULT_METHOD,
            seconds=0.0,
            answers=gallery.ask(tower, DEFAULT_METHOD),
        )
    ]
    for name, tower in towers.items():
        rows.append(
            Row(name=f"cosine, {name}", method="cosine", seconds=0.0, answers=gallery.ask(tower, "cosine"))
        )
    return rows


def same_codes(recipe: Recipe, other: Recipe) -> bool:
    """Whether two recipes have the same stage 1."""
    mine = replace(
        recipe,
        quadruples=other.quadruples,
        exclusion_steps=other.exclusion_steps,
        exclusion_batch=other.exclusion_batch,
        exclusion_rate=other.exclusion_rate,
        exclusion_temperature=other.exclusion_temperature,
        contrast=other.contrast,
        triplet=other.triplet,
        margin=other.margin,
        hard=other.hard,
    )
    return mine == other


def _begin_with(folder: Path, first: Path) -> None:
    """Take over another run's stage 1, which the same recipe would repeat to the last bit."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("words.pt", "stage1.pt"):
        if (first / name).exists() and not (folder / name).exists():
            shutil.copyfile(first / name, folder / name)


def _row(name: str, method: str, seconds: float, gallery: Gallery, tower: TextTower, head: CodingHead) -> Row:
    return Row(name=name, method=method, seconds=seconds, answers=gallery.ask(tower, method, head))


def table(rows: Sequence[Row]) -> list[str]:
    """Lines for people: "A but no B" in both wordings."""
    lines = []
    for row in rows:
        took = f", {row.seconds:.0f} s" if row.seconds else ""
        lines.append(f"{row.name} ({row.method}{took})")
        lines += [f"    {wording:<10} {found}" for wording, found in headline(row.answers).items()]
    return lines
