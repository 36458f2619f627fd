"""PostgreSQL's own ways to search: an HNSW index of pgvector's, and a parallel scan in SQL.

Both work on ``halves``, which are written in one transaction with the embeddings, so neither is ever stale:
the server names candidates and bounds their scores, and the ranking is made from the float32 truth that the
same transaction sees.
"""

from __future__ import annotations

from medneg.archive import reading
from medneg.archive.engines import transaction
from medneg.archive.indexes.kinds import IndexKind, IndexState, Progress, Source
from medneg.archive.indexes.pgvector import building
from medneg.archive.indexes.pgvector.hnsw import PgvectorIndex
from medneg.archive.indexes.pgvector.scan import PgvectorScan
from medneg.errors import ArchiveError

__all__ = ["HNSW", "SCAN", "PgvectorIndex", "PgvectorScan"]

_ELSEWHERE = "it is an index of PostgreSQL, and this archive is on {engine}; `medneg archive copy` moves it"
_TO_DO = "`medneg index build pgvector` builds it while others read and write"


def _open_index(source: Source) -> PgvectorIndex:
    state = _index_state(source)
    if not state.ready:
        raise ArchiveError(f"the index {state.name} cannot be used: {state.note}")
    return PgvectorIndex(source)


def _index_state(source: Source) -> IndexState:
    if _elsewhere(source):
        return _unready("pgvector", _elsewhere(source))
    with transaction(source.engine, source.place) as connection:
        found = building.look(connection, source.fingerprint)
        count = reading.stamp(connection, source.fingerprint)[1]
    if found is None:
        return _unready("pgvector", f"no HNSW index of this space has been built; {_TO_DO}")
    if not found.valid:
        note = f"the HNSW index of this space is being built, or its building was killed; {_TO_DO}"
        return _unready("pgvector", note)
    note = f"HNSW ({found.options}), {found.size / 1e6:,.1f} MB; approximate"
    return IndexState(name="pgvector", ready=True, count=count, note=note)


def _build(source: Source, progress: Progress) -> None:
    _require_postgresql(source, "pgvector")
    building.build(source, progress)


def _drop(source: Source) -> None:
    _require_postgresql(source, "pgvector")
    building.drop(source)


def _open_scan(source: Source) -> PgvectorScan:
    _require_postgresql(source, "pgvector-exact")
    return PgvectorScan(source)


def _scan_state(source: Source) -> IndexState:
    if _elsewhere(source):
        return _unready("pgvector-exact", _elsewhere(source))
    with transaction(source.engine, source.place) as connection:
        count = reading.stamp(connection, source.fingerprint)[1]
    note = "exact, with a certificate, and nothing is kept on this machine"
    if not count:
        note = "nothing is embedded here yet; bring images in with `medneg ingest`"
    return IndexState(name="pgvector-exact", ready=count > 0, count=count, note=note)


def _elsewhere(source: Source) -> str:
    """What to say of an archive on another engine; nothing for one on PostgreSQL."""
    engine = source.engine.dialect.name
    return "" if engine == "postgresql" else _ELSEWHERE.format(engine=engine)


def _require_postgresql(source: Source, name: str) -> None:
    if _elsewhere(source):
        raise ArchiveError(f"the index {name} cannot be used: {_elsewhere(source)}")


def _unready(name: str, note: str) -> IndexState:
    return IndexState(name=name, ready=False, count=0, note=note)


HNSW = IndexKind(name="pgvector", open=_open_index, state=_index_state, build=_build, drop=_drop)
SCAN = IndexKind(name="pgvector-exact", open=_open_scan, state=_scan_state)
