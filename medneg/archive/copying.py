"""Move an archive to another engine: every row as it is, ids included, then the proof that none is missing.

What is copied is one moment of the source. A copy that was stopped goes on where it was: rows only follow
rows with smaller ids, so the greatest id in the target says how far it had come.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    Row,
    Select,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
)

from medneg.archive import checking, migrating
from medneg.archive.engines import connect, transaction
from medneg.archive.halves import insert_embeddings
from medneg.archive.places import Place, key_check, locate
from medneg.archive.schema import (
    ONLY_POSTGRESQL,
    UNFINISHED_COPY,
    Base,
    Claim,
    Embedding,
    Setting,
    SpaceState,
)
from medneg.errors import ArchiveError

BATCH = 500
"""Rows in one transaction of the target: what a stop may cost."""

_COUNT_ON = """
SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest(max(id), 1), max(id) IS NOT NULL) FROM {table}
"""

_LEFT_OUT = ONLY_POSTGRESQL | {Claim.__tablename__}

COPIED = tuple(
    sorted(
        (table for table in Base.metadata.sorted_tables if table.name not in _LEFT_OUT),
        key=lambda table: table.name == SpaceState.__tablename__,
    )
)
"""Every table but the claims, which are of processes at work on the source, and what follows from others.
What spaces look like comes last, in the place of what the target noted of vectors as they came."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two archives."""

    engine: Engine
    place: Place


def copy_archive(
    source: str | Path, target: str | Path, *, progress: Progress | None = None
) -> dict[str, int]:
    """Copy an archive, its pseudonym key included, to a place where there is none, or finish such a copy.

    Args:
        source: a folder or an SQLAlchemy URL; opened before, so that its schema is this program's.
        target: likewise.
        progress: called with (done, total) rows; a row counts when it is written and when it is proved.

    Returns:
        Rows by table.

    Raises:
        ArchiveError: if the target holds an archive already, the source is at another schema, or the source
            has changed since an earlier run began the copy.
    """
    places = locate(source), locate(target)
    if places[0].url == places[1].url:
        raise ArchiveError(f"{places[0].shown} cannot be copied onto itself")
    ours, theirs = (_Side(engine=connect(place), place=place) for place in places)
    try:
        with transaction(ours.engine, ours.place) as reading:
            key = checking.check_key(reading, ours.place)
            _prepare(theirs, key)
            tally = _Tally(_count(reading), progress)
            for table in COPIED:
                _copy_table(reading, theirs, table, tally)
            _prove(reading, theirs, tally)
        _finish(theirs)
        return tally.rows
    finally:
        for side in (ours, theirs):
            side.engine.dispose()


class _Tally:
    """How far the copy is, both passes together."""

    def __init__(self, rows: dict[str, int], progress: Progress | None) -> None:
        self.rows, self._progress, self._done = rows, progress, 0

    def add(self, rows: int) -> None:
        self._done += rows
        if self._progress is not None:
            self._progress(self._done, 2 * sum(self.rows.values()))


def _count(connection: Connection) -> dict[str, int]:
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in COPIED
    }


def _prepare(target: _Side, key: bytes) -> None:
    """Make the tables and leave the mark of an unfinished copy, or find it there."""
    if target.place.database is not None:
        target.place.database.parent.mkdir(parents=True, exist_ok=True)
    with transaction(target.engine, target.place, writes=True) as connection:
        if inspect(connection).has_table(Setting.__tablename__):
            begun = connection.execute(select(Setting.value).where(Setting.name == UNFINISHED_COPY)).scalar()
            if begun == key_check(key):
                return
            what = "an archive" if begun is None else "the unfinished copy of another archive"
            raise ArchiveError(f"{target.place.shown} holds {what} already; choose an empty place")
        _place_key(target.place, key)
        migrating.upgrade(connection, shown=target.place.shown)
        connection.execute(insert(Setting).values(name=UNFINISHED_COPY, value=key_check(key)))


def _place_key(place: Place, key: bytes) -> None:
    """Put the source's key beside the target, readable by its owner only."""
    place.key_file.parent.mkdir(parents=True, exist_ok=True)
    if place.key_file.exists():
        if place.key_file.read_bytes() == key:
            return
        raise ArchiveError(f"{place.key_file} is another archive's pseudonym key; move it away first")
    with os.fdopen(os.open(place.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)


def _copy_table(reading: Connection, target: _Side, table: Table, tally: _Tally) -> None:
    key = _growing_key(table)
    if key is None:  # some settings, some hundred curves: all of them at once
        rows = [dict(row._mapping) for row in reading.execute(select(table))]
        with transaction(target.engine, target.place, writes=True) as writing:
            writing.execute(delete(table).where(*_but_the_mark(table)))
            if rows:
                writing.execute(insert(table), rows)
        return tally.add(len(rows))
    with transaction(target.engine, target.place) as looking:
        last, done = looking.execute(select(func.max(key), func.count()).select_from(table)).one()
    tally.add(done)
    statement = select(table).order_by(key).execution_options(yield_per=BATCH)
    for some in reading.execute(statement if last is None else statement.where(key > last)).partitions():
        with transaction(target.engine, target.place, writes=True) as writing:
            _insert(writing, table, [dict(row._mapping) for row in some])
        tally.add(len(some))
    return None


def _insert(writing: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if table.name == Embedding.__tablename__:
        insert_embeddings(writing, rows)
    else:
        writing.execute(insert(table), rows)


def _growing_key(table: Table) -> Column[Any] | None:
    """The one integer column that orders a table; None where there is none."""
    columns = list(table.primary_key.columns)
    return columns[0] if len(columns) == 1 and isinstance(columns[0].type, Integer) else None


def _but_the_mark(table: Table) -> list[Any]:
    return [table.c.name != UNFINISHED_COPY] if table.name == Setting.__tablename__ else []


def _prove(reading: Connection, target: _Side, tally: _Tally) -> None:
    """Compare both sides row by row, through one SHA-256 a table.

    Raises:
        ArchiveError: naming the first table that differs.
    """
    with transaction(target.engine, target.place) as looking:
        for table in COPIED:
            if _digest(reading, table) != _digest(looking, table):
                raise ArchiveError(
                    f"{table.name} differ between the source and {target.place.shown}: the source has "
                    "changed since the copy began, or another program wrote into the copy. Empty that "
                    "place and copy again"
                )
            tally.add(tally.rows[table.name])


def _digest(connection: Connection, table: Table) -> str:
    digest = hashlib.sha256()
    for row in _in_order(connection, table):
        for value in row:
            told = _canonical(value)
            digest.update(len(told).to_bytes(8, "little") + told)
    return digest.hexdigest()


def _in_order(connection: Connection, table: Table) -> Iterator[Row[Any]]:
    statement: Select[Any] = select(table).where(*_but_the_mark(table))
    key = _growing_key(table)
    if key is None:  # engines disagree on the order of words
        yield from sorted(connection.execute(statement), key=lambda row: str(tuple(row)))
    else:
        yield from connection.execute(statement.order_by(key).execution_options(yield_per=BATCH))


def _canonical(value: object) -> bytes:
    """A value as bytes that are the same from every engine."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)  # SQLite keeps no zone
        return aware.astimezone(UTC).isoformat().encode()
    return json.dumps(value, sort_keys=True).encode()


def _finish(target: _Side) -> None:
    """Let the target count on from the greatest id, and take the mark away."""
    with transaction(target.engine, target.place, writes=True) as connection:
        if connection.dialect.name == "postgresql":
            for table in COPIED:
                if "id" in table.c:
                    connection.execute(text(_COUNT_ON.format(table=table.name)))
        connection.execute(delete(Setting).where(Setting.name == UNFINISHED_COPY))
