"""Halves: embeddings as float16 for pgvector, on PostgreSQL only.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import ProgrammingError

from medneg.archive.halfvec import LEAST_VERSION, Halfvec
from medneg.errors import ArchiveError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BATCH = 2000
_FOUND = (
    "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector'"
)
_NEXT = """
SELECT id, image_id, image_fingerprint, vector FROM embeddings WHERE id > :last ORDER BY id LIMIT :batch
"""


def upgrade() -> None:
    """Add a table and fill it from what is there."""
    if op.get_bind().dialect.name != "postgresql":
        return
    _require_pgvector(op.get_bind())
    halves = op.create_table(
        "halves",
        sa.Column("image_fingerprint", sa.String(200), nullable=False),
        sa.Column("image_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("vector", Halfvec(), nullable=False),
        sa.PrimaryKeyConstraint("image_fingerprint", "image_id", name="pk_halves"),
        sa.ForeignKeyConstraint(
            ["image_id", "image_fingerprint"],
            ["embeddings.image_id", "embeddings.image_fingerprint"],
            name="fk_halves_image_id_embeddings",
            ondelete="CASCADE",
        ),
    )
    # A scan reads every vector: kept in the row, however long, it costs no look-up of its own.
    op.execute("ALTER TABLE halves ALTER COLUMN vector SET STORAGE MAIN")
    _fill(op.get_bind(), halves)


def _require_pgvector(connection: sa.Connection) -> None:
    """Have pgvector in this database.

    Raises:
        ArchiveError: if the server lacks it, it is too old, or this account may not bring it in.
    """
    needed = ".".join(map(str, LEAST_VERSION))
    version = connection.execute(sa.text(_FOUND)).scalar()
    if version is None:
        raise ArchiveError(
            f"the PostgreSQL server has no pgvector, which an archive there needs; install version {needed} "
            "or newer on the server (https://github.com/pgvector/pgvector#installation) and open it again"
        )
    if tuple(map(int, version.split("."))) < LEAST_VERSION:
        raise ArchiveError(
            f"the PostgreSQL server has pgvector {version}, and an archive there needs {needed} or newer: "
            "install that on the server, run ALTER EXTENSION vector UPDATE in this database if it has the "
            "extension already, and open the archive again"
        )
    try:
        connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS vector"))
    except ProgrammingError:
        raise ArchiveError(
            "this account may not bring pgvector into the database; let the server's administrator run "
            "CREATE EXTENSION vector in it, and open the archive again"
        ) from None


def _fill(connection: sa.Connection, halves: sa.Table) -> None:
    last = 0
    while rows := connection.execute(sa.text(_NEXT), {"last": last, "batch": _BATCH}).all():
        known = [
            {
                "image_fingerprint": row.image_fingerprint,
                "image_id": row.image_id,
                "vector": np.frombuffer(row.vector, "<f4").astype(np.float16),
            }
            for row in rows
        ]
        connection.execute(halves.insert(), known)
        last = rows[-1].id
