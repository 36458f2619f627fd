"""Bring a database to the schema of this program, one Alembic revision after the other.

Alembic is imported only when there is something to do: an archive that is up to date opens without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from medneg.archive.schema import REVISION
from medneg.errors import ArchiveError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

SCRIPTS = Path(__file__).parent / "migrations"


def revision(connection: Connection) -> str | None:
    """The revision that a database is at; None when it holds no archive yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def upgrade(connection: Connection, *, shown: str) -> bool:
    """Run the revisions that a database lacks, inside the caller's transaction.

    Args:
        connection: on which a transaction that may write has begun.
        shown: the archive's location for messages.

    Returns:
        Whether anything was done.

    Raises:
        ArchiveError: if the database is at a revision that this program does not know.
    """
    at = revision(connection)
    if at == REVISION:
        return False
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    scripts = _scripts()
    if at is not None and at not in {script.revision for script in scripts.walk_revisions()}:
        raise ArchiveError(
            f"the archive at {shown} has schema {at!r}, newer than this medneg, which knows up to "
            f"{REVISION!r}; update medneg, or use the one that wrote it"
        )
    context = MigrationContext.configure(connection, opts={"render_as_batch": True})
    for script in reversed(list(scripts.iterate_revisions("head", at or "base"))):
        with Operations.context(context):
            script.module.upgrade()
        context.stamp(scripts, script.revision)
    return True


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(SCRIPTS))
