"""The command line: parse arguments, one library call, print.

Everything heavy is imported by the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from medneg import __version__
from medneg.errors import MednegError

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Hold what belongs to no command."""
    if show:
        print(f"medneg {__version__}")
        raise typer.Exit


@app.command()
def phantom(
    out: Annotated[Path, typer.Argument(help="Folder to write: dicom/, labels.csv and reports.csv.")],
    studies: Annotated[int, typer.Option(help="How many studies.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.", min=0)] = 0,
    company: Annotated[
        Literal["clinical", "independent"], typer.Option(help="Whether findings keep realistic company.")
    ] = "clinical",
    rows: Annotated[int, typer.Option(help="Rows of each picture, pixels.", min=32)] = 512,
    workers: Annotated[int, typer.Option(help="Processes; 0 works in this one.", min=0)] = os.cpu_count()
    or 1,
) -> None:
    """Draw chest radiographs with exact labels and reports, as DICOM files: drawings, not patients."""
    from medneg.phantom.writer import write
    from medneg.terminal import progress_bar

    with progress_bar("Drawing", "image") as progress:
        done = write(
            out, studies=studies, seed=seed, company=company, rows=rows, workers=workers, progress=progress
        )
    print(
        f"{out}: {done.images} images, {done.studies} studies, {done.patients} patients, {done.seconds:.0f} s"
    )


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.", metavar="PATH…")],
    archive: ArchiveOption,
    encoder: EncoderOption = "phantom",
    manifest: Annotated[list[Path] | None, typer.Option(help="CSV with labels, beyond those found.")] = None,
    reports: Annotated[list[Path] | None, typer.Option(help="CSV with reports, beyond those found.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that decode; 0 decodes in this one.", min=0)] = (
        os.cpu_count() or 1
    ),
    as_json: JsonOption = False,
) -> None:
    """Bring radiographs into the archive: read, de-identify, encode. Run again, it does only what is new."""
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.ingest import ingest as run
    from medneg.terminal import ingest_summary, progress_bar

    with Archive.open(archive, create=True) as store, progress_bar("Ingesting", "image") as progress:
        report = run(
            paths,
            store,
            encoders.load(encoder),
            workers=workers,
            progress=progress,
            manifests=tuple(manifest or ()),
            reports=tuple(reports or ()),
        )
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        ingest_summary(report)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help='For example "effusion but no calcification".')],
    archive: ArchiveOption,
    encoder: EncoderOption = "phantom",
    method: Annotated[
        str | None, typer.Option(help="How to score; the default won on the benchmark.")
    ] = None,
    space: Annotated[
        Literal["raw", "centred"] | None, typer.Option(help="Where embeddings are compared.")
    ] = None,
    top: Annotated[int, typer.Option(help="How many hits.", min=1)] = 10,
    where: Annotated[str | None, typer.Option(help='For example "view=PA,age>=60,effusion=present".')] = None,
    compare: Annotated[bool, typer.Option(help="Show plain CLIP's answer too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the archive. Prints each hit's score and what every part of the query added or took."""
    from medneg import encoders
    from medneg import search as searching
    from medneg.archive import Archive
    from medneg.terminal import show_answer, show_query

    chosen = (method or searching.DEFAULT_METHOD, space or searching.DEFAULT_SPACE)
    asked = [searching.PLAIN, chosen] if compare else [chosen]
    with Archive.open(archive) as store:
        tower = encoders.load(encoder)
        condition = searching.parse_where(where) if where else None
        answers = [
            searching.search(store, query, tower, method=how, space=there, k=top, where=condition)
            for how, there in asked
        ]
        if as_json:
            printed = [answer.to_json() for answer in answers]
            print(json.dumps(printed if compare else printed[0]))
            return
        show_query(answers[0].query)
        for answer in answers:
            show_answer(answer, store)


@app.command()
def encoders(as_json: JsonOption = False) -> None:
    """List the encoders: input size, width, licence, and whether the weights are here."""
    from dataclasses import asdict

    from medneg.encoders import catalogue
    from medneg.terminal import encoders_table

    rows = catalogue()
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        encoders_table(rows)


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
    from medneg.terminal import progress_bar, show_report

    with Archive.open(archive) as store, progress_bar("Evaluating", "method") as progress:
        report = evaluate_archive(store, encoders.load(encoder), seed=seed, progress=progress)
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        show_report(report)


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
    from medneg.terminal import checks_table

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
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 8501,
) -> None:
    """Open the query page. It listens on this machine only."""
    import importlib.util
    import subprocess

    from medneg.archive import Archive

    Archive.open(archive).close()  # a wrong path is told here, not on the page
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
    raise typer.Exit(subprocess.call(command, env={**os.environ, "MEDNEG_ARCHIVE": archive}))


def main() -> None:
    """Run the command line; every foreseen error becomes one line on standard error and exit code 1."""
    from medneg.terminal import complain

    try:
        app()
    except MednegError as error:
        complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        complain("stopped; what was finished is kept, run the same command again to go on")
        sys.exit(130)
