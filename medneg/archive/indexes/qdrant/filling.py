"""Bring a collection up to date: what came since the last time is uploaded, what is gone is taken away.

Embeddings' ids only ever grow (``medneg.archive.schema.Embedding``), so the greatest one uploaded says how
far a build had come, and one that was stopped goes on from there. Points are compared one by one only where
their number differs, that is, after images left the archive.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from medneg.archive import reading
from medneg.archive.engines import transaction
from medneg.archive.indexes.qdrant.collection import Collection
from medneg.archive.schema import Embedding
from medneg.errors import ArchiveError

if TYPE_CHECKING:
    from medneg.archive.indexes.kinds import Progress, Source

_AT_ONCE = 1024
_NUMBERS_AT_ONCE = 1 << 20
"""In one request: as JSON some 10 MB, of the 32 MB that a server takes unless it was told otherwise."""
_PATIENCE = 1.0
_NOTED = 64
"""Batches between notes of how far the upload has come; a note is one more decision of a cluster."""

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


def fill(source: Source, collection: Collection, progress: Progress) -> None:
    """Make a collection hold just the space's vectors, and write the space's stamp on it.

    Raises:
        ArchiveError: if the space holds nothing, or Qdrant cannot be asked.
    """
    now = _now(source)
    if not now.count:
        raise ArchiveError("this archive holds nothing to search yet; bring images in with `medneg ingest`")
    known = collection.known()
    if known is None:
        collection.make(now.width)
    # The latest embeddings may be gone, and after a backup was restored their ids will come again.
    last = min(known.last, now.greatest) if known else 0
    while now.greatest > last:
        last = _upload(source, collection, last, progress)
        now = _now(source)
    if collection.count() != now.count:
        _compare(source, collection, last)
    collection.note(stamp=now.stamp, last=last)
    while (known := collection.known()) and known.busy:
        time.sleep(_PATIENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    """A space at one moment; ``greatest`` is the id of its latest embedding, 0 where there is none."""

    stamp: str
    count: int
    greatest: int
    width: int


def _now(source: Source) -> _Now:
    with transaction(source.engine, source.place) as connection:
        stamp, count = reading.stamp(connection, source.fingerprint)
        own = Embedding.image_fingerprint == source.fingerprint
        greatest = connection.execute(select(func.max(Embedding.id)).where(own)).scalar()
        width = reading.width(connection, source.fingerprint)
    return _Now(stamp=stamp, count=count, greatest=greatest or 0, width=width)


def _upload(source: Source, collection: Collection, last: int, progress: Progress) -> int:
    """Upload what came after an embedding; returns the last one now."""
    with transaction(source.engine, source.place) as connection:
        waiting = connection.execute(
            select(func.count()).where(Embedding.image_fingerprint == source.fingerprint, Embedding.id > last)
        ).scalar_one()
    done = 0
    try:
        for number, (ids, vectors, newest) in enumerate(_newer(source, last)):
            collection.put(ids, vectors)
            last, done = newest, done + len(ids)
            progress(done, max(done, waiting))
            if number % _NOTED == _NOTED - 1:
                collection.note(last=last)
    except KeyboardInterrupt:
        collection.note(last=last)
        raise
    return last


def _newer(source: Source, last: int) -> Iterator[tuple[Ids, Floats, int]]:
    """Image ids, vectors and the greatest embedding id of what came after one, a batch at a time."""
    while True:
        with transaction(source.engine, source.place) as connection:
            width = reading.width(connection, source.fingerprint)
            rows = connection.execute(
                select(Embedding.id, Embedding.image_id, Embedding.vector)
                .where(Embedding.image_fingerprint == source.fingerprint, Embedding.id > last)
                .order_by(Embedding.id)
                .limit(_at_once(width))
            ).all()
        if not rows:
            return
        last = rows[-1][0]
        vectors = np.frombuffer(b"".join(row[2] for row in rows), "<f4").reshape(len(rows), width)
        yield np.array([row[1] for row in rows], np.int64), vectors.astype(np.float32), last


def _compare(source: Source, collection: Collection, last: int) -> None:
    """Take away the points whose images are gone, and add those that are missing."""
    below, step = -1, _at_once(_now(source).width)
    for held, is_last in collection.pages():
        condition = [Embedding.image_fingerprint == source.fingerprint, Embedding.id <= last]
        condition.append(Embedding.image_id > below)
        if not is_last:
            below = int(held[-1])
            condition.append(Embedding.image_id <= below)
        with transaction(source.engine, source.place) as connection:
            found = connection.execute(select(Embedding.image_id).where(*condition)).scalars()
            wanted = np.fromiter(found, np.int64)
        gone, missing = np.setdiff1d(held, wanted), np.setdiff1d(wanted, held)
        if len(gone):
            collection.remove(gone)
        for start in range(0, len(missing), step):
            some = missing[start : start + step]
            collection.put(some, source.archive.vectors(source.fingerprint, some.tolist()))


def _at_once(width: int) -> int:
    return max(1, min(_AT_ONCE, _NUMBERS_AT_ONCE // width))
