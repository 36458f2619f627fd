"""Measuring: `evaluate`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from medneg.cli.application import ArchiveOption, EncoderOption, JsonOption, app


@app.command()
def evaluate(
    archive: ArchiveOption,
    encoder: EncoderOption = "phantom",
    seed: Annotated[int, typer.Option(help="Of the pools and the resampling.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Measure every method on an archive with labels: each ordered pair "A but no B", with intervals."""
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.evaluation.archives import evaluate_archive
    from medneg.terminal.evaluation import show_report
    from medneg.terminal.progress import progress_bar

    with Archive.open(archive) as store, progress_bar("Evaluating", "method") as progress:
        report = evaluate_archive(store, encoders.load(encoder), seed=seed, progress=progress)
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        show_report(report)
