"""Qdrant: an index on a server of its own, or on a cluster, for tens of millions of images and more.

It holds image ids and float16 vectors, nothing else: filters stay in the archive, and so does the truth that
every candidate is scored by. ``MEDNEG_QDRANT_URL`` says where it is, ``MEDNEG_QDRANT_API_KEY`` holds its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medneg.archive import reading
from medneg.archive.engines import transaction
from medneg.archive.indexes.kinds import Index, IndexKind, IndexState, Progress, Source
from medneg.archive.indexes.qdrant.collection import URL, Collection, configured
from medneg.errors import ArchiveError

if TYPE_CHECKING:
    from medneg.archive.indexes.qdrant.collection import Known

_BUILD = "run `medneg index build qdrant`"


def _open(source: Source) -> Index:
    from medneg.archive.indexes.candidates import CandidateIndex
    from medneg.archive.indexes.qdrant.asking import nearest_in, rescored_in

    collection = Collection(source)
    known = collection.known()
    stamp, count = _space(source)
    if known is None or known.stamp != stamp:
        raise ArchiveError(f"{_complaint(known, count)}; {_BUILD}")
    nearest, again = nearest_in(collection), rescored_in(collection)
    return CandidateIndex(source, nearest, count=count, how="Qdrant", again=again)


def _state(source: Source) -> IndexState:
    if not configured():
        return _not_ready(f"set {URL} to use it")
    try:
        collection = Collection(source)
        known = collection.known()
        stamp, count = _space(source)
    except ArchiveError as error:
        return _not_ready(str(error))
    if known is None or known.stamp != stamp:
        return _not_ready(f"{_complaint(known, count)}; {_BUILD}", count=known.count if known else 0)
    note = f"approximate, at {collection.shown}" + "; its graph is still being built" * known.busy
    return IndexState(name=QDRANT.name, ready=True, count=count, note=note)


def _build(source: Source, progress: Progress) -> None:
    from medneg.archive.indexes.qdrant.filling import fill

    fill(source, Collection(source, filling=True), progress)


def _drop(source: Source) -> None:
    Collection(source, filling=True).drop()


def _space(source: Source) -> tuple[str, int]:
    with transaction(source.engine, source.place) as connection:
        return reading.stamp(connection, source.fingerprint)


def _complaint(known: Known | None, count: int) -> str:
    if known is None:
        return "Qdrant has no collection of this space yet"
    return f"Qdrant holds {known.count:,} images of another state of this space, which has {count:,} now"


def _not_ready(note: str, *, count: int = 0) -> IndexState:
    return IndexState(name=QDRANT.name, ready=False, count=count, note=note)


QDRANT = IndexKind(name="qdrant", open=_open, state=_state, build=_build, drop=_drop)
