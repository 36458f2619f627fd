"""Building, dropping and looking at the HNSW index of one embedding space, a partial index on ``halves``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from medneg.archive import reading
from medneg.archive.engines import session, transaction
from medneg.archive.indexes.kinds import Progress, Source
from medneg.errors import ArchiveError

LINKS, CONSTRUCTION = 16, 64
"""HNSW's m, an image's links on each level, and ef_construction, the candidates that they are chosen from."""
WIDEST = 4000
"""The longest ``halfvec`` that pgvector indexes."""

_POLLED_SECONDS = 0.5
_BYTES_OF_A_NODE = 700  # of the graph in memory, beside the vector

_LOOK = """
SELECT i.indisvalid, pg_relation_size(i.indexrelid) AS size, c.reloptions
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.oid = to_regclass(:name)
"""
_CREATE = """
SELECT format(
    'CREATE INDEX CONCURRENTLY %I ON halves USING hnsw ((vector::halfvec(%s)) halfvec_ip_ops)'
    ' WITH (m = %s, ef_construction = %s) WHERE image_fingerprint = %L',
    CAST(:name AS text), CAST(:width AS int), CAST(:links AS int), CAST(:construction AS int),
    CAST(:fingerprint AS text)
)
"""
# The graph should fit in memory, of which the server's administrator says how much there is.
_ROOM = """
SELECT
    set_config('lock_timeout', '0', false),
    set_config('maintenance_work_mem', greatest(
        pg_size_bytes(current_setting('maintenance_work_mem')),
        least(:need, pg_size_bytes(current_setting('effective_cache_size')) / 2)
    ) / 1024 || 'kB', false),
    set_config('max_parallel_maintenance_workers', current_setting('max_parallel_workers'), false)
"""
_PROGRESS = """
SELECT blocks_done, blocks_total FROM pg_stat_progress_create_index
WHERE pid = :pid AND phase LIKE 'building index%' AND blocks_total > 0
"""
_TAKE_TURN = "SELECT pg_try_advisory_lock(hashtext(:name))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An HNSW index that is there.

    Attributes:
        valid: whether it is whole: one that is being built is not, nor what a killed build left behind.
        size: in bytes.
        options: what it was built with.
    """

    valid: bool
    size: int
    options: str


def index_name(fingerprint: str) -> str:
    """What the HNSW index of a space is called."""
    return f"ix_halves_hnsw_{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}"


def look(connection: Connection, fingerprint: str) -> Built | None:
    """The HNSW index of a space; None when there is none."""
    row = connection.execute(text(_LOOK), {"name": index_name(fingerprint)}).one_or_none()
    if row is None:
        return None
    return Built(valid=row.indisvalid, size=row.size, options=", ".join(row.reloptions or ()))


def build(source: Source, progress: Progress) -> None:
    """Build the HNSW index of a space, anew if there is one; others read and write meanwhile.

    A build that is stopped tidies up; what one that was killed left behind is removed by the next.

    Args:
        source: of the space.
        progress: called with (done, in all) images.

    Raises:
        ArchiveError: if the space is too wide, another process builds it, or the server cannot.
    """
    with transaction(source.engine, source.place) as connection:
        width = reading.width(connection, source.fingerprint)
        count = reading.stamp(connection, source.fingerprint)[1]
    if width > WIDEST:
        raise ArchiveError(f"pgvector indexes vectors of up to {WIDEST:,} values, and these have {width:,}")
    with _turn(source) as connection:
        _drop(connection, source.fingerprint)
        connection.execute(text(_ROOM), {"need": count * (2 * width + _BYTES_OF_A_NODE)})
        statement = _statement(connection, source.fingerprint, width)
        try:
            _run(connection, statement, _Watch(source, connection, count, progress))
        except BaseException:
            with suppress(DBAPIError):  # who waits longer may leave it to the next build
                connection.execute(text("SET lock_timeout = '5s'"))
                _drop(connection, source.fingerprint)
            raise
    progress(count, count)


def drop(source: Source) -> None:
    """Take the HNSW index of a space away, if there is one.

    Raises:
        ArchiveError: if another process builds it, or the server cannot be reached.
    """
    with _turn(source) as connection:
        _drop(connection, source.fingerprint)


@contextmanager
def _turn(source: Source) -> Iterator[Connection]:
    """A session that alone works on the index of a space."""
    try:
        with session(source.engine, source.place) as connection:
            name = index_name(source.fingerprint)
            if not connection.execute(text(_TAKE_TURN), {"name": name}).scalar():
                raise ArchiveError("another process is building this HNSW index; wait until it has finished")
            yield connection
    except ProgrammingError as error:
        cause = str(error.orig).strip().partition("\n")[0]
        raise ArchiveError(f"the server at {source.place.shown} refuses: {cause}") from None


def _drop(connection: Connection, fingerprint: str) -> None:
    connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {index_name(fingerprint)}"))


def _statement(connection: Connection, fingerprint: str, width: int) -> str:
    """The statement that builds the index; the server quotes what is in it, for it takes no parameters."""
    known = {
        "name": index_name(fingerprint),
        "width": width,
        "links": LINKS,
        "construction": CONSTRUCTION,
        "fingerprint": fingerprint,
    }
    return str(connection.execute(text(_CREATE), known).scalar_one())


class _Watch:
    """Tells how far a session's build has come."""

    def __init__(self, source: Source, connection: Connection, count: int, progress: Progress) -> None:
        self._source, self._count, self._progress = source, count, progress
        self._pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

    def __call__(self) -> None:
        with transaction(self._source.engine, self._source.place) as connection:
            row = connection.execute(text(_PROGRESS), {"pid": self._pid}).one_or_none()
        if row is not None:
            self._progress(self._count * row.blocks_done // row.blocks_total, self._count)


def _run(connection: Connection, statement: str, watch: Callable[[], None]) -> None:
    """Run a long statement, and look after it; whatever interrupts the looking stops the statement."""
    driver: Any = connection.connection.driver_connection
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            connection.exec_driver_sql, statement, execution_options={"no_parameters": True}
        )
        try:
            while True:
                with suppress(NotYet):
                    running.result(timeout=_POLLED_SECONDS)
                    return
                watch()
        except BaseException:
            driver.cancel_safe()
            raise
