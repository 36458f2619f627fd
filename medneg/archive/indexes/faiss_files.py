"""Files of FAISS indexes: written whole or not at all, with a note behind the index that says of what."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medneg.errors import ArchiveError

FILE_NAME = "faiss.index"
UNFINISHED = ""
"""The stamp of an index that was still being built when it was written."""

NOBODY = -1
"""The id of a row that no search may find; FAISS answers it too where it finds nothing."""

_MAGIC = b"medneg.1"
_LONGEST_NOTE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a file holds.

    Attributes:
        stamp: what the archive looked like when it was written.
        rows: how many images it finds.
    """

    stamp: str
    rows: int


def library() -> Any:
    """FAISS.

    Raises:
        ArchiveError: if it is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise ArchiveError("FAISS is not installed; run `pip install medneg[faiss]`") from None
    return faiss


def read_note(folder: Path) -> Note | None:
    """The note of the file in a folder; None when there is no file, or not a whole one."""
    try:
        with (folder / FILE_NAME).open("rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - _LONGEST_NOTE))
            note, magic = file.read().rpartition(b"\n")[::2]
            return Note(**json.loads(note.rpartition(b"\n")[2])) if magic == _MAGIC else None
    except (OSError, ValueError, TypeError):
        return None


def read(folder: Path, *, mapped: bool) -> Any | None:
    """The index of the file in a folder; None when there is none, or not a whole one.

    Args:
        folder: where the file is.
        mapped: read rows and links from the file as a search needs them; such an index cannot be changed.
    """
    if read_note(folder) is None:
        return None
    faiss = library()
    try:
        return faiss.read_index(str(folder / FILE_NAME), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
    except RuntimeError:
        return None


def write(folder: Path, index: Any, *, stamp: str) -> None:
    """Write an index; whoever reads the folder meanwhile sees the old file or the new one.

    Args:
        folder: where it goes; made when missing.
        index: with ids.
        stamp: names the state of the archive that it is of, or ``UNFINISHED``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{FILE_NAME}.{os.getpid()}.part"
    note = Note(stamp=stamp, rows=int((ids_of(index) != NOBODY).sum()))
    try:
        library().write_index(index, str(temporary))
        with temporary.open("ab") as file:
            file.write(b"\n" + json.dumps(asdict(note)).encode() + b"\n" + _MAGIC)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / FILE_NAME)
    finally:
        temporary.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Take the file away, if there is one."""
    (folder / FILE_NAME).unlink(missing_ok=True)


def ids_of(index: Any) -> NDArray[np.int64]:
    """The image of each row of an index, shape (n,); ``NOBODY`` for a row that stands for none any more."""
    found: NDArray[np.int64] = library().vector_to_array(index.id_map)
    return found


def rename(index: Any, ids: NDArray[np.int64]) -> None:
    """Give the rows of an index other images, shape (n,)."""
    library().copy_array_to_vector(ids, index.id_map)
