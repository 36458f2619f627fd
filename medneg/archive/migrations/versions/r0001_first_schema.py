"""The first schema.

Revision ID: 0001
Revises: none
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table of the first release."""
    _people()
    _images()
    _what_is_known()
    _vectors()
    _books()


def _people() -> None:
    op.create_table(
        "settings",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
    op.create_table(
        "patients",
        sa.Column("id", KEY, nullable=False),
        sa.Column("pseudonym", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_patients"),
        sa.UniqueConstraint("pseudonym", name="uq_patients_pseudonym"),
    )
    op.create_table(
        "studies",
        sa.Column("id", KEY, nullable=False),
        sa.Column("patient_id", KEY, nullable=False),
        sa.Column("pseudonym", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_studies_patient_id_patients"),
        sa.UniqueConstraint("pseudonym", name="uq_studies_pseudonym"),
    )
    op.create_index("ix_studies_patient_id", "studies", ["patient_id"])


def _images() -> None:
    op.create_table(
        "images",
        sa.Column("id", KEY, nullable=False),
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("pseudonym", sa.String(64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("view", sa.String(16)),
        sa.Column("sex", sa.String(1)),
        sa.Column("age", sa.Float()),
        sa.Column("study_date", sa.String(10)),
        sa.Column("modality", sa.String(16)),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("grey_scale", sa.Text(), nullable=False),
        sa.Column("header", sa.JSON(), nullable=False),
        sa.Column("phantom", sa.Boolean(), nullable=False),
        sa.Column("indexed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_images_study_id_studies"),
        sa.UniqueConstraint("path", name="uq_images_path"),
    )
    for column in ("study_id", "pseudonym", "sha256", "size"):
        op.create_index(f"ix_images_{column}", "images", [column])
    op.create_table(
        "thumbnails",
        sa.Column("image_id", KEY, autoincrement=False, nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("image_id", name="pk_thumbnails"),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name="fk_thumbnails_image_id_images", ondelete="CASCADE"
        ),
    )


def _what_is_known() -> None:
    op.create_table(
        "reports",
        sa.Column("study_id", KEY, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("study_id", name="pk_reports"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_reports_study_id_studies"),
    )
    op.create_table(
        "findings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("image_id", KEY),
        sa.Column("study_id", KEY),
        sa.Column("finding", sa.String(64), nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name="fk_findings_image_id_images", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_findings_study_id_studies", ondelete="CASCADE"
        ),
        sa.CheckConstraint("(image_id IS NULL) <> (study_id IS NULL)", name=op.f("ck_findings_one_owner")),
        sa.CheckConstraint("state IN ('present', 'absent', 'uncertain')", name=op.f("ck_findings_state")),
        sa.CheckConstraint("source IN ('manifest', 'report')", name=op.f("ck_findings_source")),
        sa.UniqueConstraint("image_id", "finding", "source", name="uq_findings_image_id_finding_source"),
        sa.UniqueConstraint("study_id", "finding", "source", name="uq_findings_study_id_finding_source"),
    )
    op.create_index("ix_findings_finding_state", "findings", ["finding", "state"])


def _vectors() -> None:
    op.create_table(
        "encoders",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("input_size", sa.Integer(), nullable=False),
        sa.Column("interpolation", sa.String(16), nullable=False),
        sa.Column("chain", sa.String(40), nullable=False),
        sa.Column("image_fingerprint", sa.String(200), nullable=False),
        sa.Column("text_fingerprint", sa.String(200), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("findings", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_encoders"),
        sa.UniqueConstraint(
            "image_fingerprint", "text_fingerprint", name="uq_encoders_image_fingerprint_text_fingerprint"
        ),
    )
    op.create_table(
        "embeddings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("image_id", KEY, nullable=False),
        sa.Column("image_fingerprint", sa.String(200), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_embeddings"),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name="fk_embeddings_image_id_images", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("image_id", "image_fingerprint", name="uq_embeddings_image_id_image_fingerprint"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_embeddings_image_fingerprint_id", "embeddings", ["image_fingerprint", "id"])


def _books() -> None:
    op.create_table(
        "rejected",
        sa.Column("id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rejected"),
        sa.UniqueConstraint("path", name="uq_rejected_path"),
    )
    op.create_table(
        "searches",
        sa.Column("id", KEY, nullable=False),
        sa.Column("searched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(16), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("encoder", sa.String(200), nullable=False),
        sa.Column("k", sa.Integer(), nullable=False),
        sa.Column("considered", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_searches"),
    )
    op.create_index("ix_searches_searched_at", "searches", ["searched_at"])
