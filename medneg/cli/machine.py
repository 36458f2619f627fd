"""What this machine has, and the query page on it: `encoders`, `doctor`, `ui`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from medneg.cli.application import ArchiveOption, JsonOption, app
from medneg.errors import MednegError


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


@app.command()
def ui(
    archive: ArchiveOption,
    text_encoder: Annotated[
        list[str] | None,
        typer.Option(help="A tuned text tower to offer: the folder of a `medneg-finetune` run. Repeatable."),
    ] = None,
    reports: Annotated[
        Path | None,
        typer.Option(help="Where diagnostic reports are kept; without it, `diagnoses` in the archive."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 8501,
) -> None:
    """Open the query page. It listens on this machine only."""
    import importlib.util
    import subprocess

    from medneg.archive import Archive
    from medneg.encoders.text_towers import find_text_tower, read_text_tower

    Archive.open(archive).close()  # a wrong path is told here, not on the page
    towers = [find_text_tower(name).resolve() for name in text_encoder or ()]
    for tower in towers:
        read_text_tower(tower)
    package = importlib.util.find_spec("app")
    if package is None or package.origin is None:
        raise MednegError("the query page is not installed; install medneg with its app package")
    page = Path(package.origin).with_name("main.py")
    settings = {
        "server.port": str(port),
        "server.address": "localhost",
        "server.headless": str(not browser).lower(),
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "theme.base": str(page.with_name("assets") / "theme.toml"),
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "streamlit", "run", str(page), *options]
    print(f"A first question: http://localhost:{port}/?q=effusion+but+no+calcification&compare=true")
    told = {"MEDNEG_ARCHIVE": archive, "MEDNEG_TEXT_ENCODERS": json.dumps([str(tower) for tower in towers])}
    if reports is not None:
        told["MEDNEG_REPORTS"] = str(reports)
    raise typer.Exit(subprocess.call(command, env={**os.environ, **told}))
