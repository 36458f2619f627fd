"""Diagnosing: `diagnose`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from medneg.cli.application import ArchiveOption, EncoderOption, JsonOption, app
from medneg.cli.measuring import TextEncodersOption

GATE_CLOSED = 3
"""Exit code where a threshold of the gate is missed; 1 and 2 are errors."""


@app.command()
def diagnose(
    archive: ArchiveOption,
    out: Annotated[Path, typer.Option(help="Folder for report.html, report.json and report.pdf.")],
    encoder: EncoderOption = "phantom",
    text_encoder: TextEncodersOption = None,
    gate: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of thresholds; exit code 3 where a tuned model, or a base alone, misses one."
        ),
    ] = None,
    truth: Annotated[
        Literal["manifest", "report"], typer.Option(help="Believe manifests, or findings read in reports.")
    ] = "manifest",
    seed: Annotated[int, typer.Option(help="Of prompts, pools, maps and resampling.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Report whether models may be trusted with "no": one page with a verdict, for people, and its JSON twin.

    An interrupted report goes on where it stopped when the same command runs again.
    """
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.diagnostics.running import diagnose as run
    from medneg.diagnostics.thresholds import read_gate
    from medneg.diagnostics.writing import PARTS, write_report
    from medneg.terminal.diagnosis import show_diagnosis
    from medneg.terminal.progress import progress_bar

    asked = None if gate is None else read_gate(gate)
    models = [encoders.load(encoder), *(encoders.load(encoder, tower) for tower in text_encoder or ())]
    with Archive.open(archive) as store, progress_bar("Diagnosing", "step") as progress:
        found = run(store, models, seed=seed, truth=truth, gate=asked, parts=out / PARTS, progress=progress)
    command = shlex.join(["medneg", *sys.argv[1:]])
    written = write_report(found, out, command=command)
    if as_json:
        print(json.dumps(found.to_json()))
    else:
        show_diagnosis(found, written)
    if found.gate is not None and not found.gate.open:
        raise typer.Exit(GATE_CLOSED)
