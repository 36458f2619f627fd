"""The command `study`: the CON2 paper's experiment, scaled up and taken apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.application import TrainingError, app
from finetune.tuning_cli import ThreadsOption, TruthOption
from medneg.cli.application import ArchiveOption, EncoderOption

if TYPE_CHECKING:
    from finetune.study import Study

RowsOption = Annotated[
    str | None, typer.Option(help='Only some rows, for example "con1,con2-0.5"; con2-unfrozen costs most.')
]


@app.command()
def study(
    archive: ArchiveOption,
    out: Annotated[Path, typer.Option(help="Folder of the runs and of study.json.")],
    encoder: EncoderOption = "phantom",
    images: Annotated[int, typer.Option(help="Learn from so many.", min=2)] = 2300,
    batch: Annotated[int, typer.Option(help="Images per step.", min=2)] = 64,
    seeds: Annotated[int, typer.Option(help="How many runs of each row.", min=1)] = 3,
    rows: RowsOption = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.", min=0)] = None,
    truth: TruthOption = "manifest",
    threads: ThreadsOption = 1,
) -> None:
    """Ten times the images, all findings: distractors, image tower unfrozen, unknown findings, losses."""
    import torch

    from finetune.embedded import read_embedded
    from finetune.prepared import with_pictures
    from finetune.study import ROWS, Bench
    from finetune.study import study as follow
    from finetune.tuning_recipe import DEFAULTS, TuningRecipe
    from medneg.archive import Archive
    from medneg.encoders.registry import load_alone
    from medneg.terminal.progress import progress_bar

    asked = tuple(row.strip() for row in rows.split(",")) if rows else ROWS
    if unknown := [row for row in asked if row not in ROWS]:
        raise TrainingError(f"there is no row {unknown[0]!r}; choose from {', '.join(ROWS)}")
    torch.set_num_threads(threads)
    numbers: dict[str, Any] = {**DEFAULTS["con2"], "batch": batch, **({} if lr is None else {"rate": lr})}
    common = TuningRecipe(method="con2", base=encoder, images=images, **numbers)
    with Archive.open(archive) as store, progress_bar("studying", "runs") as progress:
        base = load_alone(encoder)
        bench = Bench(
            out=out,
            known=read_embedded(store, base, source=truth),
            load=lambda: load_alone(encoder),
            pixels=lambda data, folder: with_pictures(data, store, base.card.input, folder),
        )
        table = follow(bench, common, seeds, rows=asked, progress=progress)
    (out / "study.json").write_text(json.dumps(table.to_json(), indent=2) + "\n", encoding="utf-8")
    _tell(table)


def _tell(table: Study) -> None:
    runs = ", ".join(f"{row} {count}" for row, count in table.seeds.items())
    typer.echo(f"\n{table.images} images; runs: {runs}; set apart: {', '.join(table.apart)}")
    for title, rows in (("mean [95 % over questions]", table.rows), ("difference, paired", table.compared)):
        typer.echo(f"\n{title}")
        for row, figures in rows.items():
            for name, figure in figures.items():
                typer.echo(f"  {row:<44} {name:<32} {figure}")
