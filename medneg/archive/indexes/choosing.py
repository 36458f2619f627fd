"""Which index suits an archive and the machine: exact first, as long as it is quick and fits in memory.

The scan proves what it finds and needs no care, so it is taken while its matrix has room; beyond that, an
approximate index that somebody built answers in milliseconds, and without one the database scans by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from medneg.archive import devices, reading
from medneg.archive.engines import transaction
from medneg.archive.indexes.kinds import Source
from medneg.errors import ArchiveError

if TYPE_CHECKING:
    from medneg.archive.store import Archive

SCAN = "scan"
APPROXIMATE = ("pgvector", "faiss", "qdrant")
"""Approximate indexes in the order in which they are taken: that of the database itself is never stale."""
DATABASE_SCAN = "pgvector-exact"

MOST_ROWS = 2_000_000
"""What a processor scans in a fifth of a second: a million rows of 512 take 70 to 100 ms on two cores."""
MOST_FETCHED = 2 << 30
"""Bytes of float32 rows that a first search may fetch from a server to make its matrix: a million of 512."""

_SHARE = 0.5  # of the free memory; the rest is for encoders, and for whoever else is here
_KEPT_SECONDS = 5.0
_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the choice rests on.

    Attributes:
        rows, width: of the space.
        memory: bytes that this machine has to spare.
        gpu: bytes of GPU memory that the matrix may take; 0 without a GPU.
        fetched: bytes that must come from a server before the first scan; 0 where the matrix is here.
    """

    rows: int
    width: int
    memory: int
    gpu: int = 0
    fetched: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The index that "auto" stands for, and why, in a sentence."""

    name: str
    reason: str


def choose(facts: Facts, ready: Callable[[], Collection[str]]) -> Choice:
    """Choose an index.

    Args:
        facts: of the space and the machine.
        ready: names the indexes that can be used at once; asked only where the scan does not suit.

    Example:
        >>> choose(Facts(rows=4_000, width=256, memory=8 << 30), lambda: ()).name
        'scan'
        >>> choose(Facts(rows=20_000_000, width=512, memory=64 << 30), lambda: ("scan", "faiss")).name
        'faiss'
    """
    obstacle = _obstacle(facts)
    if obstacle is None:
        return Choice(name=SCAN, reason="exact, and its matrix has room")
    usable = ready()
    for name in APPROXIMATE:
        if name in usable:
            return Choice(name=name, reason=f"{obstacle}, and {name} is ready")
    if DATABASE_SCAN in usable:
        return Choice(name=DATABASE_SCAN, reason=f"{obstacle}, and no approximate index is ready")
    return Choice(name=SCAN, reason=f"no other index is ready, though {obstacle}")


def chosen(source: Source, ready: Callable[[], Collection[str]]) -> Choice:
    """What suits a space just now; what was found stands for some seconds, so that it costs a search nothing.

    Raises:
        ArchiveError: if the database cannot be reached.
    """
    with _lock:
        of_archive = _kept.setdefault(source.archive, {})
        until, choice = of_archive.get(source.fingerprint, (0.0, None))
    if choice is None or time.monotonic() >= until:
        choice = choose(_facts(source), ready)
        with _lock:
            of_archive[source.fingerprint] = (time.monotonic() + _KEPT_SECONDS, choice)
    return choice


def forget(archive: Archive) -> None:
    """Choose anew at the next search: an index was built, dropped, or turned out not to be usable."""
    with _lock:
        _kept.pop(archive, None)


_lock = threading.Lock()
_kept: WeakKeyDictionary[Archive, dict[str, tuple[float, Choice | None]]] = WeakKeyDictionary()


def _obstacle(facts: Facts) -> str | None:
    """Why the scan does not suit; None where it does."""
    size = 2 * facts.rows * facts.width
    if facts.fetched > MOST_FETCHED:
        return f"{facts.fetched / _GIB:.1f} GiB would first be fetched from the server for a scan"
    if size > _SHARE * facts.memory:
        return (
            f"the scan's {size / _GIB:.1f} GiB take more than half of the {facts.memory / _GIB:.1f} GiB free"
        )
    if facts.rows > MOST_ROWS and size > _SHARE * facts.gpu:
        return f"{facts.rows:,} rows are more than the {MOST_ROWS:,} that are scanned at once without a GPU"
    return None


def _facts(source: Source) -> Facts:
    import psutil

    from medneg.archive.matrix import ScanMatrix

    with transaction(source.engine, source.place) as connection:
        stamp, rows = reading.stamp(connection, source.fingerprint)
        try:
            width = reading.width(connection, source.fingerprint)
        except ArchiveError:  # nothing was ever embedded here; whoever searches is told so
            width = 0
    remote = source.engine.dialect.name != "sqlite" and 4 * rows * width > MOST_FETCHED
    held = ScanMatrix.open(source.folder) if remote else None
    return Facts(
        rows=rows,
        width=width,
        memory=psutil.virtual_memory().available,
        gpu=devices.gpu_memory() if rows > MOST_ROWS else 0,
        fetched=4 * rows * width if remote and (held is None or held.stamp != stamp) else 0,
    )
