"""Archives as earlier versions of the schema left them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import text

from medneg.archive.engines import connect, transaction
from medneg.archive.migrating import SCRIPTS
from medneg.archive.places import key_check, locate, make_key

IMAGE = {
    "study_id": 1,
    "sha256": "0" * 64,
    "size": 1,
    "mtime_ns": 1,
    "rows": 2,
    "columns": 2,
    "grey_scale": "window",
    "header": "{}",
    "phantom": True,
    "indexed_at": "2024-01-01 00:00:00",
}


def make_old_archive(
    location: str | Path, revision: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    """Make an archive by the migrations up to a revision, with some rows by table."""
    place = locate(location)
    if place.database is not None:
        place.database.parent.mkdir(parents=True, exist_ok=True)
    key, engine, scripts = make_key(place), connect(place), ScriptDirectory(str(SCRIPTS))
    with transaction(engine, place, writes=True) as connection:
        context = MigrationContext.configure(connection)
        for script in reversed(list(scripts.iterate_revisions(revision, "base"))):
            with Operations.context(context):
                script.module.upgrade()
            context.stamp(scripts, script.revision)
        known = {"settings": [{"name": "key_check", "value": key_check(key)}]}
        for table, some in (known | dict(rows)).items():
            for row in some:
                names = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), dict(row))
    engine.dispose()


def some_images(space: str, vectors: Sequence[bytes]) -> dict[str, list[dict[str, Any]]]:
    """Rows of one study's images with their embeddings in a space."""
    ids = range(1, len(vectors) + 1)
    return {
        "patients": [{"pseudonym": "p"}],
        "studies": [{"patient_id": 1, "pseudonym": "s"}],
        "images": [IMAGE | {"pseudonym": f"i{n}", "path": f"/films/{n}.dcm"} for n in ids],
        "embeddings": [
            {"image_id": n, "image_fingerprint": space, "vector": vector}
            for n, vector in zip(ids, vectors, strict=True)
        ],
    }
