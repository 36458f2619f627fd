"""The application that every command of training registers with."""

from __future__ import annotations

import typer

from medneg.errors import MednegError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train the encoders of medneg.\n\nResearch use, not a medical device.",
)


class TrainingError(MednegError):
    """A training cannot start or go on as asked."""


@app.callback()
def _hold() -> None:
    """Hold what belongs to no command."""
