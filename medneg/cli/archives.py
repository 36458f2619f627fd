"""Filling an archive: `phantom` draws radiographs, `ingest` brings files in."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medneg.cli.application import ArchiveOption, EncoderOption, JsonOption, app

if TYPE_CHECKING:
    from medneg.ingest.runners import Runner

archive_app = typer.Typer(no_args_is_help=True, help="Look after an archive as a whole.")
app.add_typer(archive_app, name="archive")


@archive_app.command()
def copy(
    source: Annotated[str, typer.Argument(help="Folder of the archive, or any SQLAlchemy URL.")],
    target: Annotated[str, typer.Argument(help="An empty place; or where an earlier copy was stopped.")],
    as_json: JsonOption = False,
) -> None:
    """Copy an archive to another folder or database server, key included, and prove every row."""
    from medneg.archive import Archive
    from medneg.archive.copying import copy_archive
    from medneg.terminal.progress import progress_bar

    Archive.open(source).close()  # an older one is brought up to date first
    with progress_bar("Copying", "row") as progress:
        rows = copy_archive(source, target, progress=progress)
    if as_json:
        print(json.dumps(rows))
    else:
        print(
            f"{sum(rows.values()):,} rows copied and proved: {rows['images']:,} images, "
            f"{rows['embeddings']:,} embeddings. The source stays as it is."
        )


@archive_app.command()
def key(
    archive: Annotated[str, typer.Argument(help="Folder of the archive, or any SQLAlchemy URL.")],
) -> None:
    """Say in which file this machine keeps an archive's pseudonym key, or would look for it."""
    from medneg.archive.places import locate

    print(locate(archive).key_file)


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
    from medneg.terminal.progress import progress_bar

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
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that decode; one per core by default; 0 decodes in this one.", min=0),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Read and encode on a Ray cluster: HOST:PORT, `auto` on one of its machines, or `local`.",
            metavar="ADDRESS",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring radiographs into the archive: read, de-identify, encode. Run again, it does only what is new."""
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.ingest import ingest as run
    from medneg.terminal.progress import progress_bar
    from medneg.terminal.tables import ingest_summary

    if ray is not None and workers is not None:
        raise typer.BadParameter(
            "--workers are processes of this machine; with --ray the cluster has its own"
        )
    chosen = encoders.load(encoder)
    with (
        Archive.open(archive, create=True) as store,
        _runner(ray, encoder) as runner,
        progress_bar("Ingesting", "image") as progress,
    ):
        report = run(
            paths,
            store,
            chosen,
            workers=workers,
            runner=runner,
            progress=progress,
            manifests=tuple(manifest or ()),
            reports=tuple(reports or ()),
        )
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        ingest_summary(report)


def _runner(address: str | None, encoder: str) -> AbstractContextManager[Runner | None]:
    """Who reads and encodes: a cluster, or None for this machine."""
    if address is None:
        return contextlib.nullcontext()
    from medneg import encoders
    from medneg.ingest.cluster import ray_runner

    return ray_runner(address, functools.partial(encoders.load, encoder))
