"""The query page and the search API over an archive: `ui` on this machine, `serve` for a department."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from medneg.cli.application import ArchiveOption, IndexOption, app
from medneg.errors import MednegError

TextTowersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--text-encoder",
        help="A tuned text tower to offer: the folder of a `medneg-finetune` run. Repeatable.",
    ),
]
ReportsOption = Annotated[
    Path | None,
    typer.Option(help="Where diagnostic reports are kept; without it, `diagnoses` in the archive."),
]
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}
_OPEN = (
    "Warning: other machines can reach this service, which asks nobody who they are. "
    "Put a proxy with TLS and sign-in before it: docs/how-to/run-a-service.md"
)


@app.command()
def ui(
    archive: ArchiveOption,
    text_encoder: TextTowersOption = None,
    reports: ReportsOption = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 8501,
) -> None:
    """Open the query page. It listens on this machine only."""
    settings: dict[str, object] = {"host": "localhost", "port": port, "browser": browser, "quiet": True}
    greeting = f"A first question: http://localhost:{port}/?q=effusion+but+no+calcification&compare=true"
    _become_service(archive, text_encoder or [], reports, settings, greeting)


@app.command()
def serve(
    archive: ArchiveOption,
    host: Annotated[
        str, typer.Option(help="Address to listen on; this machine only by default.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8501,
    public_host: Annotated[
        str | None,
        typer.Option(help="Name by which browsers reach the service, where it is not --host: the proxy's."),
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(help="An encoder that requests may ask for; the first is the default. Repeatable."),
    ] = None,
    text_encoder: TextTowersOption = None,
    reports: ReportsOption = None,
    index: IndexOption = "auto",
    searches: Annotated[int, typer.Option(help="How many searches run at once.", min=1)] = 2,
    waiting: Annotated[int, typer.Option(help="How many more may wait; others hear “busy”.", min=0)] = 40,
    show_paths: Annotated[
        bool, typer.Option("--show-paths", help="Tell the paths of files in answers.")
    ] = False,
    user_header: Annotated[
        str | None,
        typer.Option(
            help="Header in which a proxy that signs readers in names them, such as X-Forwarded-User."
        ),
    ] = None,
) -> None:
    """Serve the query page, a search API, thumbnails, health and metrics. Research use only."""
    settings = {
        "host": host,
        "port": port,
        "public_host": public_host,
        "encoder": encoder or [],
        "index": index,
        "searches": searches,
        "waiting": waiting,
        "show_paths": show_paths,
        "user_header": user_header,
    }
    greeting = f"Serving at http://{host}:{port}/ until Ctrl-C. Research use, not a medical device."
    if host not in _THIS_MACHINE:
        greeting += f"\n{_OPEN}"
    _become_service(archive, text_encoder or [], reports, settings, greeting)


def _become_service(
    archive: str, text_encoders: list[str], reports: Path | None, settings: dict[str, object], greeting: str
) -> None:
    """Check what was asked for and become the service: signals go straight to it."""
    from medneg.archive import Archive
    from medneg.encoders.text_towers import find_text_tower, read_text_tower

    if importlib.util.find_spec("app") is None:
        raise MednegError("the query page is not installed; install medneg with its app package")
    Archive.open(archive).close()  # a wrong path is told here, not on the page
    towers = [find_text_tower(name).resolve() for name in text_encoders]
    for tower in towers:
        read_text_tower(tower)
    told = {
        "MEDNEG_ARCHIVE": archive,
        "MEDNEG_TEXT_ENCODERS": json.dumps([str(tower) for tower in towers]),
        "MEDNEG_SERVE": json.dumps(settings),
    }
    if reports is not None:
        told["MEDNEG_REPORTS"] = str(reports)
    print(greeting, flush=True)
    # -P: a folder `app` that happens to lie where this was started is not ours.
    os.execve(sys.executable, [sys.executable, "-P", "-m", "app.serving"], {**os.environ, **told})
