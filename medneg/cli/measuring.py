"""Measuring: `evaluate`."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from medneg.cli.application import ArchiveOption, EncoderOption, JsonOption, TextEncoderOption, app


@app.command()
def evaluate(
    archive: ArchiveOption,
    encoder: EncoderOption = "phantom",
    text_encoder: TextEncoderOption = None,
    seed: Annotated[int, typer.Option(help="Of questions, pools and resampling.", min=0)] = 0,
    parse: Annotated[
        Literal["real", "gold"], typer.Option(help="Read the questions, or take what they mean.")
    ] = "real",
    truth: Annotated[
        Literal["manifest", "report"], typer.Option(help="Believe manifests, or findings read in reports.")
    ] = "manifest",
    as_json: JsonOption = False,
) -> None:
    """Measure every method on an archive with labels: "A but no B" and its kin, with intervals and tests."""
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.evaluation.archives import TRUTHS, evaluate_archive
    from medneg.evaluation.benchmark import Setup
    from medneg.terminal.evaluation import show_report
    from medneg.terminal.progress import progress_bar

    setup = Setup(parse=parse, seed=seed, truth=TRUTHS[truth])
    with Archive.open(archive) as store, progress_bar("Evaluating", "question") as progress:
        report = evaluate_archive(store, encoders.load(encoder, text_encoder), setup=setup, source=truth, progress=progress)
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        show_report(report)
