"""Connections to the archive's database, set up the same way wherever they are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from medneg.archive.places import Place
from medneg.errors import ArchiveError, ArchiveUnavailable

BUSY_SECONDS = 30
"""How long a process waits for another one that writes."""

CONNECT_SECONDS = 10
"""How long a server may take to take a connection."""

POOL_SECONDS = 10
"""How long a thread waits for a connection that others have."""

_WRITERS = 0x6D65646E6567
"""The advisory lock that PostgreSQL's writers take in turn: "medneg" in ASCII. It is of one database only."""


def connect(place: Place) -> Engine:
    """An engine for the archive's database; nothing is opened yet.

    Errors never show the values of a statement: they may be words of a report.

    Raises:
        ArchiveError: if the database's driver is not installed.
    """
    options: dict[str, Any] = {}
    if place.url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": BUSY_SECONDS}
    elif place.url.get_backend_name() == "postgresql":
        # A reader of yesterday's connection learns that the server was restarted before it asks anything.
        options["pool_pre_ping"] = True
        options["pool_timeout"] = POOL_SECONDS
        options["connect_args"] = {
            "options": f"-c lock_timeout={BUSY_SECONDS}s",
            "connect_timeout": CONNECT_SECONDS,
            # A server that the network has cut off is noticed within a minute, not after the system's hours.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,  # ms
        }
    try:
        engine = create_engine(place.url, hide_parameters=True, **options)
    except (ImportError, NoSuchModuleError) as error:
        raise ArchiveError(
            f"the archive at {place.shown} needs a database driver that is not installed: {error}"
        ) from None
    if engine.dialect.name == "postgresql":
        if engine.driver != "psycopg":
            raise ArchiveError(
                f"the archive at {place.shown} needs psycopg, not {engine.driver}: "
                "write postgresql+psycopg://, and `pip install 'medneg[postgres]'`"
            )
        from medneg.archive import halfvec_wire

        event.listen(engine, "connect", halfvec_wire.register)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.driver == "psycopg":
        event.listen(engine, "before_cursor_execute", _choose_format)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver's own idea of transactions leaves out DDL; with None, "begin" below is the only one.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another one wrote in between;
    # one that says from the start that it will write waits for its turn.
    writes = connection.get_execution_options().get("medneg_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _choose_format(
    _connection: Connection, cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
) -> None:
    if context.execution_options.get("medneg_binary"):
        from psycopg.pq import Format

        cursor.format = Format.BINARY


@contextmanager
def transaction(
    engine: Engine, place: Place, *, writes: bool = False, alone: bool = True
) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back on any error; a reader sees one moment throughout.

    Writers take turns, on a server as in a file: what one of them looks up (is this patient known? is that
    study empty?) stays true until it has written. A batch takes milliseconds, so nobody waits long.

    Args:
        engine: of the archive's database.
        place: for messages.
        writes: whether anything is written.
        alone: whether a writer waits for its turn; one that only adds rows that nobody looks up need not.

    Raises:
        ArchiveUnavailable: if the database cannot be reached, goes away, is locked for too long or full;
            the next transaction tries a connection of its own.
        ArchiveError: if it is damaged.
    """
    options: dict[str, Any] = {"medneg_writes": writes}
    if engine.dialect.name != "sqlite" and not writes:
        options["isolation_level"] = "REPEATABLE READ"
    with _told(place), engine.execution_options(**options).begin() as connection:
        if writes and alone and engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS})
        yield connection


@contextmanager
def session(engine: Engine, place: Place) -> Iterator[Connection]:
    """A connection on which every statement is a transaction; closed for good, with whatever was set on it.

    Raises:
        ArchiveUnavailable, ArchiveError: as in ``transaction``.
    """
    with _told(place), engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield connection
        finally:
            connection.invalidate()


@contextmanager
def _told(place: Place) -> Iterator[None]:
    """Say in our words what the database says."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise ArchiveUnavailable(
            f"the archive at {place.shown} cannot be used: {_cause(error, place)}"
        ) from None
    except NoConnectionLeft:
        raise ArchiveUnavailable(
            f"the archive at {place.shown} is asked by too many at once; try again"
        ) from None
    except DBAPIError as error:
        if "not a database" not in str(error.orig):
            raise
        raise ArchiveError(f"{place.shown} holds a file that is no database") from None


def _cause(error: DBAPIError, place: Place) -> str:
    cause = str(error.orig).strip().partition("\n")[0]
    password = place.url.password
    return cause.replace(str(password), "***") if password else cause
