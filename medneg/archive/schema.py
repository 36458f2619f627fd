"""What the archive keeps, as typed SQLAlchemy tables. Nothing here is personal: people are keyed pseudonyms.

``patients`` ← ``studies`` ← ``images`` ← ``embeddings``, ``thumbnails``; ``reports`` belong to studies,
``findings`` to an image or to a study; ``calibrations`` ← ``calibrated_findings``. ``encoders``,
``space_states``, ``rejected``, ``claims``, ``searches`` and ``settings`` stand alone. ``halves``, on
PostgreSQL only, follow ``embeddings``.
A change here needs a revision in ``migrations/versions`` and a new ``REVISION``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from medneg.archive.halfvec import Halfvec

REVISION = "0005"
"""The revision of the schema that this module describes: the head of ``migrations/versions``."""

UNFINISHED_COPY = "unfinished_copy"
"""The setting of an archive into which another one is being copied; its value is that one's key check."""

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name on every engine, so that a later migration can find it."""

# SQLite counts rows up only in a column of type INTEGER; elsewhere a hundred million images want 64 bits.
Key = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """All tables of one archive."""

    metadata = MetaData(naming_convention=NAMES)


class Setting(Base):
    """One fact about the archive itself, such as the check value of its pseudonym key."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class Patient(Base):
    """A person, known by a keyed pseudonym only."""

    __tablename__ = "patients"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    pseudonym: Mapped[str] = mapped_column(String(64), unique=True)


class Study(Base):
    """One examination of a patient."""

    __tablename__ = "studies"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    patient_id: Mapped[int] = mapped_column(Key, ForeignKey("patients.id"), index=True)
    pseudonym: Mapped[str] = mapped_column(String(64), unique=True)


class Image(Base):
    """One file that became a radiograph. ``path`` is absolute; ``pseudonym`` stands for the SOP instance."""

    __tablename__ = "images"
    __table_args__ = (Index(None, "view", "sex", "age", "study_date", "modality", "study_id", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    study_id: Mapped[int] = mapped_column(Key, ForeignKey("studies.id"), index=True)
    pseudonym: Mapped[str] = mapped_column(String(64), index=True)
    path: Mapped[str] = mapped_column(Text, unique=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger, index=True)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    view: Mapped[str | None] = mapped_column(String(16))
    sex: Mapped[str | None] = mapped_column(String(1))
    age: Mapped[float | None] = mapped_column(Float)
    study_date: Mapped[str | None] = mapped_column(String(10))
    modality: Mapped[str | None] = mapped_column(String(16))
    rows: Mapped[int]
    columns: Mapped[int]
    grey_scale: Mapped[str] = mapped_column(Text)
    header: Mapped[dict[str, Any]] = mapped_column(JSON)
    phantom: Mapped[bool]
    indexed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Report(Base):
    """What the radiologist wrote about a study."""

    __tablename__ = "reports"

    study_id: Mapped[int] = mapped_column(
        Key, ForeignKey("studies.id"), primary_key=True, autoincrement=False
    )
    text: Mapped[str] = mapped_column(Text)


class Finding(Base):
    """The state of one lexicon finding in an image (from a manifest) or in a study (from its report)."""

    __tablename__ = "findings"
    __table_args__ = (
        CheckConstraint("(image_id IS NULL) <> (study_id IS NULL)", name="one_owner"),
        CheckConstraint("state IN ('present', 'absent', 'uncertain')", name="state"),
        CheckConstraint("source IN ('manifest', 'report')", name="source"),
        UniqueConstraint("image_id", "finding", "source"),
        UniqueConstraint("study_id", "finding", "source"),
        Index(None, "finding", "state", "image_id", "study_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    image_id: Mapped[int | None] = mapped_column(Key, ForeignKey("images.id", ondelete="CASCADE"))
    study_id: Mapped[int | None] = mapped_column(Key, ForeignKey("studies.id", ondelete="CASCADE"))
    finding: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(9))
    source: Mapped[str] = mapped_column(String(8))


class Encoder(Base):
    """An encoder whose image tower embedded images here: its card, kept so that a licence is never lost."""

    __tablename__ = "encoders"
    __table_args__ = (UniqueConstraint("image_fingerprint", "text_fingerprint"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    width: Mapped[int]
    input_size: Mapped[int]
    interpolation: Mapped[str] = mapped_column(String(16))
    chain: Mapped[str] = mapped_column(String(40))
    image_fingerprint: Mapped[str] = mapped_column(String(200))
    text_fingerprint: Mapped[str] = mapped_column(String(200))
    licence: Mapped[str] = mapped_column(Text)
    notice: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    findings: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))


class Embedding(Base):
    """An image's unit vector, float32 little-endian. It is the truth; the scan matrix is a copy.

    Ids only ever grow, and triggers note every change in ``space_states``. A migration that makes this table
    anew on SQLite must make its triggers anew.
    """

    __tablename__ = "embeddings"
    __table_args__ = (
        UniqueConstraint("image_id", "image_fingerprint"),
        Index(None, "image_fingerprint", "image_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    image_id: Mapped[int] = mapped_column(Key, ForeignKey("images.id", ondelete="CASCADE"))
    image_fingerprint: Mapped[str] = mapped_column(String(200))
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class Half(Base):
    """An embedding once more, rounded to float16 for pgvector. It comes and goes with its embedding."""

    __tablename__ = "halves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["image_id", "image_fingerprint"],
            ["embeddings.image_id", "embeddings.image_fingerprint"],
            ondelete="CASCADE",
        ),
    )

    image_fingerprint: Mapped[str] = mapped_column(String(200), primary_key=True)
    image_id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    vector: Mapped[Any] = mapped_column(Halfvec)


ONLY_POSTGRESQL = frozenset({Half.__tablename__})
"""Tables that an archive on SQLite lacks."""


class SpaceState(Base):
    """What a space of ``embeddings`` looks like now; only their triggers write here.

    ``version`` is drawn anew by every change and ``replaced`` by those that took a vector away or put
    another in its place: where only ``version`` is another one, vectors have been added, nothing else.
    They are drawn, not counted, so that two ways on from one backup never look alike.
    """

    __tablename__ = "space_states"

    image_fingerprint: Mapped[str] = mapped_column(String(200), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    replaced: Mapped[int] = mapped_column(BigInteger)


class Calibration(Base):
    """What is known of an encoder's two towers here. Vectors (d,) and covariances (d, d) are float32
    little-endian; ``stamp`` and ``embeddings`` say what the space looked like when it was made."""

    __tablename__ = "calibrations"
    __table_args__ = (UniqueConstraint("image_fingerprint", "text_fingerprint"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    image_fingerprint: Mapped[str] = mapped_column(String(200))
    text_fingerprint: Mapped[str] = mapped_column(String(200))
    stamp: Mapped[str] = mapped_column(Text)
    embeddings: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    mean_text: Mapped[bytes] = mapped_column(LargeBinary)
    mean_image: Mapped[bytes] = mapped_column(LargeBinary)
    covariance_raw: Mapped[bytes] = mapped_column(LargeBinary)
    covariance_centred: Mapped[bytes] = mapped_column(LargeBinary)


class CalibratedFinding(Base):
    """The scores of one finding in one space, and its probability curve where labels gave one."""

    __tablename__ = "calibrated_findings"
    __table_args__ = (CheckConstraint("space IN ('raw', 'centred')", name="space"),)

    calibration_id: Mapped[int] = mapped_column(
        Key, ForeignKey("calibrations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    space: Mapped[str] = mapped_column(String(8), primary_key=True)
    finding: Mapped[str] = mapped_column(String(64), primary_key=True)
    mean: Mapped[float] = mapped_column(Float)
    spread: Mapped[float] = mapped_column(Float)
    quantiles: Mapped[list[float]] = mapped_column(JSON)
    present: Mapped[int]
    absent: Mapped[int]
    reported: Mapped[int]
    auc: Mapped[float | None] = mapped_column(Float)
    slope: Mapped[float | None] = mapped_column(Float)
    intercept: Mapped[float | None] = mapped_column(Float)
    error: Mapped[float | None] = mapped_column(Float)
    isotonic_error: Mapped[float | None] = mapped_column(Float)


class Thumbnail(Base):
    """A small JPEG of the pixels, at most 256 pixels wide or high; no header fields travel with it."""

    __tablename__ = "thumbnails"

    image_id: Mapped[int] = mapped_column(
        Key, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)


class Rejected(Base):
    """A file that was set aside, and why; ``version`` is the medneg that judged it."""

    __tablename__ = "rejected"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    path: Mapped[str] = mapped_column(Text, unique=True)
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(String(40))
    rejected_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Claim(Base):
    """A process means to read a file for a space, and others leave it alone until a certain time."""

    __tablename__ = "claims"

    image_fingerprint: Mapped[str] = mapped_column(String(200), primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    owner: Mapped[str] = mapped_column(String(80), index=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Search(Base):
    """The audit trail: who (a keyed pseudonym of the account name) asked what, when and how."""

    __tablename__ = "searches"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    searched_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    who: Mapped[str] = mapped_column(String(16))
    query: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(String(64))
    encoder: Mapped[str] = mapped_column(String(200))
    k: Mapped[int]
    considered: Mapped[int]
