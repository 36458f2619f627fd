"""Is an archive sound? Every finding is one sentence for people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, exists, func, select, text

from medneg.archive.places import Place, key_check, read_key
from medneg.archive.reading import paths_without_embedding, spaces
from medneg.archive.schema import UNFINISHED_COPY, Image, Patient, Report, Setting, Study, Thumbnail
from medneg.errors import ArchiveError


def problems(connection: Connection, place: Place) -> Iterator[str]:
    """What is wrong with the key, the rows, the files and the embeddings of an archive."""
    yield from _key_problems(connection, place)
    yield from _database_problems(connection)
    yield from _row_problems(connection)
    yield from _file_problems(connection)
    for space in spaces(connection):
        lacking = len(paths_without_embedding(connection, space.image_fingerprint))
        if lacking:
            yield f"{_many(lacking, 'image')} without an embedding of {space.name}"


def ping(connection: Connection) -> None:
    """Read one row: of a file in which there is none to read, SQLite would notice nothing."""
    connection.execute(select(Setting.name).limit(1)).first()


def check_key(connection: Connection, place: Place) -> bytes:
    """The pseudonym key, after a look whether it is the one this archive was made with.

    Raises:
        ArchiveError: if it is missing, damaged or another archive's, or the archive is half copied.
    """
    if connection.execute(select(Setting.name).where(Setting.name == UNFINISHED_COPY)).first():
        raise ArchiveError(
            f"the copy into {place.shown} is not finished; run the same `medneg archive copy` again"
        )
    key = read_key(place)
    noted = connection.execute(select(Setting.value).where(Setting.name == "key_check")).scalar()
    if noted != key_check(key):
        raise ArchiveError(
            f"{place.key_file} is not the pseudonym key that the archive at {place.shown} was made with; "
            "restore the right file from a backup"
        )
    return key


def _key_problems(connection: Connection, place: Place) -> Iterator[str]:
    try:
        check_key(connection, place)
    except ArchiveError as error:
        yield str(error)
        return
    if os.name == "posix" and place.key_file.stat().st_mode & 0o077:
        yield f"other accounts may read the pseudonym key; run chmod 600 {place.key_file}"


def _database_problems(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return
    for (line,) in connection.execute(text("PRAGMA quick_check(3)")):
        if line != "ok":
            yield f"the database file is damaged: {line}"
    if connection.execute(text("PRAGMA foreign_key_check")).first():
        yield "rows of the database point to rows that are not there"


def _row_problems(connection: Connection) -> Iterator[str]:
    owned = (
        ("study without an image or a report", Study, (Image.study_id, Report.study_id), Study.id),
        ("patient without a study", Patient, (Study.patient_id,), Patient.id),
        ("image without a thumbnail", Image, (Thumbnail.image_id,), Image.id),
    )
    for what, table, children, key in owned:
        conditions = [~exists().where(child == key) for child in children]
        alone = _number(connection, table, conditions)
        if alone:
            singular, _, rest = what.partition(" ")
            yield f"{_many(alone, singular)} {rest}"


def _number(connection: Connection, table: type[Any], conditions: list[Any]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def _file_problems(connection: Connection) -> Iterator[str]:
    paths = connection.execute(select(Image.path).execution_options(yield_per=4096)).scalars()
    missing = [path for path in paths if not os.path.exists(path)]
    if missing:
        yield f"{_many(len(missing), 'file')} no longer where it was indexed, the first {missing[0]}"


def _many(number: int, what: str) -> str:
    plural = {"study": "studies"}.get(what, f"{what}s")
    return f"{number} {what if number == 1 else plural}"
