"""What this machine has: `encoders`, `doctor`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from medneg.cli.application import JsonOption, app


@app.command()
def encoders(as_json: JsonOption = False) -> None:
    """List the encoders: input size, width, licence, and whether the weights are here."""
    from dataclasses import asdict

    from medneg.encoders import catalogue
    from medneg.terminal.tables import encoders_table

    rows = catalogue()
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        encoders_table(rows)


@app.command()
def doctor(
    archive: Annotated[
        str | None, typer.Option(help="An archive to look at too.", envvar="MEDNEG_ARCHIVE")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is installed, which encoders are usable, whether the archive is sound, and what to do."""
    from dataclasses import asdict

    from medneg.doctor import examine
    from medneg.terminal.tables import checks_table

    checks = examine(archive)
    if as_json:
        print(json.dumps([asdict(check) for check in checks]))
    else:
        checks_table(checks)
    if not all(check.ok for check in checks if check.required):
        raise typer.Exit(1)
