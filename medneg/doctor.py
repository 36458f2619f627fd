"""What is installed, which encoders are usable, whether an archive is sound, and what to do."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medneg.errors import MednegError

PACKAGES = (
    "torch",
    "transformers",
    "open_clip_torch",
    "pydicom",
    "monai",
    "streamlit",
    "sqlalchemy",
    "python-gdcm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        subject: what was looked at.
        ok: whether it is as it should be.
        detail: what was found.
        advice: what to do when it is not ok; empty otherwise.
        required: False for what medneg can do without (other encoders' weights).
    """

    subject: str
    ok: bool
    detail: str
    advice: str = ""
    required: bool = True


def examine(archive: str | None = None) -> tuple[Check, ...]:
    """Look at the installation and, when one is named, at an archive. Never raises for what it finds.

    Example:
        >>> examine()[0].subject
        'Python'
    """
    checks = [*_installation(), *_encoders()]
    if archive is not None:
        checks += _archive(archive)
    return tuple(checks)


def _installation() -> Iterator[Check]:
    yield Check(
        subject="Python",
        ok=sys.version_info >= (3, 11),
        detail=platform.python_version(),
        advice="" if sys.version_info >= (3, 11) else "install Python 3.11 or newer",
    )
    for name in PACKAGES:
        try:
            yield Check(subject=name, ok=True, detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Check(
                subject=name,
                ok=False,
                detail="not installed",
                advice="run `make setup`, or pip install medneg",
            )


def _encoders() -> Iterator[Check]:
    from medneg.encoders import catalogue

    for row in catalogue():
        yield Check(
            subject=f"encoder {row.name}",
            ok=row.available,
            detail=f"{row.licence}; weights {'here' if row.available else 'not here'}",
            advice="" if row.available else row.how_to_get,
            required=row.name == "phantom",
        )


def _archive(location: str) -> Iterator[Check]:
    from medneg.archive import Archive

    try:
        with Archive.open(location) as store:
            problems = store.problems()
            held = (
                ", ".join(f"{space.count} embeddings of {space.name}" for space in store.spaces())
                or "no embeddings"
            )
            yield Check(subject="archive", ok=True, detail=held)
            for space in store.spaces():
                choice = store.indexes(space.image_fingerprint).choice()
                detail = f"{choice.name} for searches of {space.name}: {choice.reason}"
                yield Check(subject="index", ok=True, detail=detail)
            for problem in problems:
                yield Check(
                    subject="archive",
                    ok=False,
                    detail=problem,
                    advice="run `medneg ingest` on its files again",
                )
            if Path(location).is_dir():
                free = shutil.disk_usage(location).free / 2**30
                enough = free > 1
                advice = "" if enough else "free some space before the next ingest"
                yield Check(subject="disk", ok=enough, detail=f"{free:.0f} GiB free", advice=advice)
    except MednegError as error:
        yield Check(
            subject="archive", ok=False, detail=str(error), advice="name an archive that `medneg ingest` made"
        )
