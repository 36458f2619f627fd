"""Which files lie under some paths, each once and in order: what may be an image, and what is a table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

NO_IMAGES = (
    ".csv",
    ".tsv",
    ".txt",
    ".md",
    ".json",
    ".jsonl",
    ".yaml",
    ".yml",
    ".xml",
    ".html",
    ".log",
    ".csv.gz",
)
"""How the names end of what lies beside images and is none; everything else is tried."""


def find_files(paths: Iterable[str | Path]) -> FoundFiles:
    """List what lies under some paths. Hidden files are left out; links are followed, loops are not.

    Raises:
        FileNotFoundError: if a path does not exist.
    """
    files: dict[str, None] = {}
    for path in paths:
        top = os.path.abspath(os.path.expanduser(path))
        if not os.path.exists(top):
            raise FileNotFoundError(f"there is no file or folder {path}")
        files |= dict.fromkeys(_walk(top) if os.path.isdir(top) else [top])
    unnameable = tuple(path for path in files if not _nameable(path))
    beside = [path for path in files if path.lower().endswith(NO_IMAGES)]
    others = {*unnameable, *beside}
    return FoundFiles(
        images=tuple(path for path in files if path not in others),
        tables=tuple(Path(path) for path in beside if path.lower().endswith(".csv")),
        unnameable=unnameable,
    )


def _walk(top: str) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(top, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(path):
                yield path


def _nameable(path: str) -> bool:
    """Whether a path is Unicode: a database keeps no other text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFiles:
    """Absolute paths of what was found.

    Attributes:
        images: everything that may be an image.
        tables: CSV files.
        unnameable: files whose names are not Unicode.
    """

    images: tuple[str, ...]
    tables: tuple[Path, ...]
    unnameable: tuple[str, ...]
