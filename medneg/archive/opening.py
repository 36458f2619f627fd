"""Open an archive: find it, bring its schema up to date, check that its key is the right one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, insert

from medneg.archive import checking, migrating
from medneg.archive.engines import connect, transaction
from medneg.archive.places import Place, key_check, locate, make_key
from medneg.archive.schema import REVISION, Setting
from medneg.errors import ArchiveError


def open_place(location: str | Path, *, create: bool) -> tuple[Engine, Place, bytes]:
    """The engine, the place and the pseudonym key of the archive at a folder or an SQLAlchemy URL.

    Raises:
        ArchiveError: if there is none, a newer medneg wrote it, its key is missing, or it is half copied.
    """
    place = locate(location)
    if place.database is not None and not place.database.exists():
        if not create:
            raise ArchiveError(_nothing_at(place))
        place.database.parent.mkdir(parents=True, exist_ok=True)
    engine = connect(place)
    try:
        with transaction(engine, place) as connection:
            found = migrating.revision(connection)
        if found is None and not create:
            raise ArchiveError(_nothing_at(place))
        if found != REVISION:
            _bring_up(engine, place, new=found is None)
        with transaction(engine, place) as connection:
            return engine, place, checking.check_key(connection, place)
    except BaseException:
        engine.dispose()
        raise


def _nothing_at(place: Place) -> str:
    return f"there is no archive at {place.shown}; make one with `medneg ingest PATH --archive {place.shown}`"


def _bring_up(engine: Engine, place: Place, *, new: bool) -> None:
    """Make the tables, or bring older ones up to date; the key of a new archive comes first."""
    key = make_key(place) if new else None
    with transaction(engine, place, writes=True) as connection:
        done = migrating.upgrade(connection, shown=place.shown)
        if key is not None and done:
            connection.execute(insert(Setting).values(name="key_check", value=key_check(key)))
