"""What a space looks like, kept up by triggers, and indexes that answer filters by themselves.

Counting a million embeddings takes as long as searching them, and a search wants to know twice whether the
space is still what it was. So the database itself notes every change of ``embeddings``, whoever makes it.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Until it changes, a space that was there before is what its old stamp says: count and greatest id.
_AS_IT_IS = """
INSERT INTO space_states (image_fingerprint, count, version, replaced)
SELECT image_fingerprint, count(*), max(id), max(id) FROM embeddings GROUP BY image_fingerprint
"""

_SQLITE_ADDED = """
INSERT INTO space_states (image_fingerprint, count, version, replaced)
VALUES (new.image_fingerprint, 1, random(), random())
ON CONFLICT (image_fingerprint) DO UPDATE SET count = count + 1, version = excluded.version;
"""
_SQLITE_GONE = """
UPDATE space_states SET count = count - 1, version = random(), replaced = random()
WHERE image_fingerprint = old.image_fingerprint;
"""
_SQLITE_REPLACED = """
UPDATE space_states SET replaced = random() WHERE image_fingerprint = new.image_fingerprint;
"""
_SQLITE_TRIGGERS = {
    "INSERT": _SQLITE_ADDED,
    "DELETE": _SQLITE_GONE,
    "UPDATE": _SQLITE_GONE + _SQLITE_ADDED + _SQLITE_REPLACED,
}

# 2^53: as many different numbers as random() gives.
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    drawn bigint := floor(random() * 9007199254740992);
BEGIN
    {body}
    RETURN NULL;
END $$
"""
_POSTGRESQL_ADDED = """
INSERT INTO space_states AS held (image_fingerprint, count, version, replaced)
SELECT image_fingerprint, count(*), drawn, drawn FROM added GROUP BY image_fingerprint
ON CONFLICT (image_fingerprint)
DO UPDATE SET count = held.count + excluded.count, version = excluded.version;
"""
_POSTGRESQL_GONE = """
UPDATE space_states AS held SET count = held.count - gone.count, version = drawn, replaced = drawn
FROM (SELECT image_fingerprint, count(*) FROM removed GROUP BY image_fingerprint) AS gone
WHERE held.image_fingerprint = gone.image_fingerprint;
"""
_POSTGRESQL_REPLACED = """
UPDATE space_states SET replaced = drawn
WHERE image_fingerprint IN (SELECT image_fingerprint FROM added);
"""
_POSTGRESQL_EMPTIED = "UPDATE space_states SET count = 0, version = drawn, replaced = drawn;"
_POSTGRESQL_TRIGGERS = {
    "INSERT": ("REFERENCING NEW TABLE AS added", _POSTGRESQL_ADDED),
    "DELETE": ("REFERENCING OLD TABLE AS removed", _POSTGRESQL_GONE),
    "UPDATE": (
        "REFERENCING OLD TABLE AS removed NEW TABLE AS added",
        _POSTGRESQL_GONE + _POSTGRESQL_ADDED + _POSTGRESQL_REPLACED,
    ),
    "TRUNCATE": ("", _POSTGRESQL_EMPTIED),
}


def upgrade() -> None:
    """Add a table with its triggers, and make indexes fit what is asked; what is there stays as it is."""
    op.create_table(
        "space_states",
        sa.Column("image_fingerprint", sa.String(200), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("replaced", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("image_fingerprint", name="pk_space_states"),
    )
    op.execute(_AS_IT_IS)
    if op.get_bind().dialect.name == "postgresql":
        _postgresql_triggers()
        _keep_vectors_in_rows()
    else:
        _sqlite_triggers()
    _indexes()


def _sqlite_triggers() -> None:
    for change, body in _SQLITE_TRIGGERS.items():
        name = f"embeddings_{change.lower()}"
        op.execute(f"CREATE TRIGGER {name} AFTER {change} ON embeddings BEGIN {body} END")


def _postgresql_triggers() -> None:
    for change, (seen, body) in _POSTGRESQL_TRIGGERS.items():
        name = f"embeddings_{change.lower()}"
        op.execute(_POSTGRESQL_FUNCTION.format(name=name, body=body))
        op.execute(
            f"CREATE TRIGGER {name} AFTER {change} ON embeddings {seen} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def _keep_vectors_in_rows() -> None:
    """Keep new vectors of up to 2,000 numbers in their rows: elsewhere, each needs look-ups of its own.

    No attempt is made to compress them, which never succeeds.
    """
    op.execute("ALTER TABLE embeddings ALTER COLUMN vector SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE embeddings SET (toast_tuple_target = 8160)")


def _indexes() -> None:
    """Filters are answered from indexes alone, and a space is read in the order of its images."""
    filtered = ("view", "sex", "age", "study_date", "modality", "study_id", "id")
    op.create_index(f"ix_images_{'_'.join(filtered)}", "images", list(filtered))
    op.drop_index("ix_findings_finding_state", "findings")
    found = ("finding", "state", "image_id", "study_id")
    op.create_index(f"ix_findings_{'_'.join(found)}", "findings", list(found))
    op.drop_index("ix_embeddings_image_fingerprint_id", "embeddings")
    op.create_index(
        "ix_embeddings_image_fingerprint_image_id", "embeddings", ["image_fingerprint", "image_id"]
    )
