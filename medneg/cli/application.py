"""The application that every command registers with, and the options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from medneg import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Search over chest radiographs that understands what should not be there.\n\n"
    "Research use, not a medical device.",
)

ArchiveOption = Annotated[
    str,
    typer.Option("--archive", help="Folder of the archive, or any SQLAlchemy URL.", envvar="MEDNEG_ARCHIVE"),
]
EncoderOption = Annotated[str, typer.Option("--encoder", help="Encoder; see `medneg encoders`.")]
TextEncoderOption = Annotated[
    str | None,
    typer.Option(
        "--text-encoder",
        help="Text tower tuned beside the encoder: phantom-neg, or the folder of a `medneg-finetune` run.",
    ),
]
HeadOption = Annotated[
    str | None,
    typer.Option(
        "--head",
        help="Head behind the encoder, for methods in its codes: phantom-exclmm ships; or the folder of a "
        "`medneg-finetune exclmm` run.",
    ),
]
IndexOption = Annotated[
    str,
    typer.Option("--index", help="How images are found: auto, or a name that `medneg index list` shows."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Hold what belongs to no command."""
    if show:
        print(f"medneg {__version__}")
        raise typer.Exit
