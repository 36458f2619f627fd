"""Measuring: `evaluate` and `negbench`."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from medneg.cli.application import ArchiveOption, EncoderOption, JsonOption, TextEncoderOption, app

if TYPE_CHECKING:
    from medneg.encoders import Encoder, Head

T = TypeVar("T")

PresetOption = Annotated[
    Literal["exclusionbench", "con2", "corruption"],
    typer.Option(
        help="ExclusionBench, the CON2 paper's 99 prompts about each finding, or questions with typos and "
        "the like at five severities."
    ),
]
TextEncodersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--text-encoder",
        help="Text tower to measure beside the encoder's own, as often as you like: phantom-neg, or the "
        "folder of a `medneg-finetune` run.",
    ),
]
HeadsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--head",
        help="Head to measure beside the shipped one, as often as you like: the folder of a "
        "`medneg-finetune exclmm` run.",
    ),
]
MethodsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        help="Only this method, for every model, as often as you like; otherwise all for the encoder, "
        "plain cosine and the default for text towers beside it.",
    ),
]
ParseOption = Annotated[
    Literal["real", "gold"], typer.Option(help="Read the questions, or take what they mean.")
]


@app.command()
def evaluate(
    archive: ArchiveOption,
    encoder: EncoderOption = "phantom",
    text_encoder: TextEncodersOption = None,
    head: HeadsOption = None,
    method: MethodsOption = None,
    preset: PresetOption = "exclusionbench",
    parse: ParseOption = "real",
    truth: Annotated[
        Literal["manifest", "report"], typer.Option(help="Believe manifests, or findings read in reports.")
    ] = "manifest",
    calibration_archive: Annotated[
        str | None, typer.Option(help="Fit probability curves on this archive, of other patients.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of questions, pools and resampling.", min=0)] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page for people to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure every method on an archive with labels: "A but no B" and its kin, with intervals and tests."""
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.evaluation.archives import evaluate_archive
    from medneg.evaluation.asking import Setup
    from medneg.evaluation.con2 import Con2Report
    from medneg.evaluation.corruption_report import CorruptionReport
    from medneg.evaluation.page import write_page
    from medneg.terminal.corruption import show_corruption
    from medneg.terminal.evaluation import show_con2, show_report
    from medneg.terminal.progress import progress_bar

    with contextlib.ExitStack() as opened:
        store = opened.enter_context(Archive.open(archive))
        other = opened.enter_context(Archive.open(calibration_archive)) if calibration_archive else None
        progress = opened.enter_context(progress_bar("Evaluating", "question"))
        base = encoders.load(encoder)
        setup = Setup(
            parse=parse,
            seed=seed,
            methods=tuple(method) if method else None,
            beside=_beside(encoder, text_encoder or ()),
            heads=_behind(base, head or ()),
        )
        report = evaluate_archive(
            store, base, preset, setup=setup, source=truth, curves=other, progress=progress
        )
    if html is not None:
        html.write_text(write_page(report, command=_command(), made=date.today().isoformat()), "utf-8")
    if as_json:
        print(json.dumps(report.to_json()))
    elif isinstance(report, Con2Report):
        show_con2(report)
    elif isinstance(report, CorruptionReport):
        show_corruption(report)
    else:
        show_report(report)


@app.command()
def negbench(
    table: Annotated[Path, typer.Argument(help="A CSV of NegBench: retrieval or multiple choice.")],
    images: Annotated[Path, typer.Option(help="Folder of its pictures; a video is a folder of frames.")],
    encoder: EncoderOption = "phantom",
    text_encoder: TextEncoderOption = None,
    parse: ParseOption = "real",
    seed: Annotated[int, typer.Option(help="Of the resampling.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Run a published benchmark through every method: NegBench's COCO, VOC, MSR-VTT or CheXpert tables."""
    from medneg import encoders
    from medneg.evaluation.negbench import read_table
    from medneg.evaluation.published import run_table
    from medneg.terminal.evaluation import show_published
    from medneg.terminal.progress import progress_bar

    read = read_table(table)
    towers = encoders.load(encoder, text_encoder)
    with progress_bar("Encoding", "picture") as progress:
        report = run_table(read, images, towers, how=parse, seed=seed, progress=progress)
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        show_published(report)


def _beside(encoder: str, names: Sequence[str]) -> dict[str, Encoder]:
    """Text towers by what their rows are called."""
    from medneg import encoders

    towers = {name: encoders.load(encoder, name) for name in names}
    return _called(
        {name: (tower.card.name.removeprefix(f"{encoder}+"), tower) for name, tower in towers.items()}
    )


def _behind(base: Encoder, names: Sequence[str]) -> dict[str, Head]:
    """Heads by what their rows are called."""
    from medneg import encoders

    heads = {name: encoders.load_head(name, base.card) for name in names}
    return _called({name: (head.card.name, head) for name, head in heads.items()})


def _called(given: Mapping[str, tuple[str, T]]) -> dict[str, T]:
    """Things by their own names; of two alike the second by the name that it was asked for by."""
    found: dict[str, T] = {}
    for name, (own, thing) in given.items():
        found[name if own in found else own] = thing
    return found


def _command() -> str:
    """The command as it was typed."""
    return shlex.join(["medneg", *sys.argv[1:]])
