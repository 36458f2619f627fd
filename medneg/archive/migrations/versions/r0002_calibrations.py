"""Calibrations: where embeddings lie, and what scores mean, by encoder.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two tables; what is there stays as it is."""
    op.create_table(
        "calibrations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("image_fingerprint", sa.String(200), nullable=False),
        sa.Column("text_fingerprint", sa.String(200), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("embeddings", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mean_text", sa.LargeBinary(), nullable=False),
        sa.Column("mean_image", sa.LargeBinary(), nullable=False),
        sa.Column("covariance_raw", sa.LargeBinary(), nullable=False),
        sa.Column("covariance_centred", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calibrations"),
        sa.UniqueConstraint(
            "image_fingerprint", "text_fingerprint", name="uq_calibrations_image_fingerprint_text_fingerprint"
        ),
    )
    op.create_table(
        "calibrated_findings",
        sa.Column("calibration_id", KEY, autoincrement=False, nullable=False),
        sa.Column("space", sa.String(8), nullable=False),
        sa.Column("finding", sa.String(64), nullable=False),
        sa.Column("mean", sa.Float(), nullable=False),
        sa.Column("spread", sa.Float(), nullable=False),
        sa.Column("quantiles", sa.JSON(), nullable=False),
        sa.Column("present", sa.Integer(), nullable=False),
        sa.Column("absent", sa.Integer(), nullable=False),
        sa.Column("reported", sa.Integer(), nullable=False),
        sa.Column("auc", sa.Float()),
        sa.Column("slope", sa.Float()),
        sa.Column("intercept", sa.Float()),
        sa.Column("error", sa.Float()),
        sa.Column("isotonic_error", sa.Float()),
        sa.PrimaryKeyConstraint("calibration_id", "space", "finding", name="pk_calibrated_findings"),
        sa.ForeignKeyConstraint(
            ["calibration_id"],
            ["calibrations.id"],
            name="fk_calibrated_findings_calibration_id_calibrations",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("space IN ('raw', 'centred')", name=op.f("ck_calibrated_findings_space")),
    )
