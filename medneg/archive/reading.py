"""Questions to an archive's database. Every function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy import float32, int64
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, exists, func, select

from medneg.archive import filters
from medneg.archive.bulk import BINARY, integers
from medneg.archive.rows import Counts, ImageRow, KnownFile, RejectedRow, Source, SpaceRow
from medneg.archive.schema import (
    Embedding,
    Encoder,
    Finding,
    Image,
    Patient,
    Rejected,
    Report,
    Search,
    SpaceState,
    Study,
    Thumbnail,
)
from medneg.errors import ArchiveError
from medneg.values import EncoderCard, FindingState, InputSpec

if TYPE_CHECKING:
    from medneg.archive.filters import Where

CHUNK = 500
"""Values in one IN list: SQLite before 3.32 takes 999 parameters."""

_FACTS = (
    *(Image.id, Image.path, Image.sha256, Image.view, Image.sex, Image.age, Image.study_date),
    *(Image.modality, Image.rows, Image.columns, Image.grey_scale, Image.header, Image.phantom),
)
_RANK: dict[str, int] = {"absent": 0, "uncertain": 1, "present": 2}


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Pieces short enough for one IN list."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def stamp(connection: Connection, fingerprint: str) -> tuple[str, int]:
    """What a space looks like now, in a text that changes with every change of it, and its size."""
    columns = (SpaceState.count, SpaceState.version, SpaceState.replaced)
    state = connection.execute(
        select(*columns).where(SpaceState.image_fingerprint == fingerprint)
    ).one_or_none()
    count, version, replaced = (0, 0, 0) if state is None else state
    # Where the last change replaced something, one number says it all, as in an archive of the first schema.
    drawn = f"{version}" if replaced == version else f"{version} {replaced}"
    return f"{fingerprint} {count} {drawn}", int(count)


def only_grown(earlier: str, later: str) -> bool:
    """Whether between two stamps of one space vectors were added and nothing else was done."""
    return earlier.rpartition(" ")[2] == later.rpartition(" ")[2]


def embedded_ids(connection: Connection, fingerprint: str, *, after: int = 0) -> NDArray[int64]:
    """Ids of the images of a space that are greater than ``after``, ascending, shape (n,)."""
    statement = select(Embedding.image_id).where(*_of_space(fingerprint, after))
    return np.sort(integers(connection, statement)[:, 0])


def image_ids(connection: Connection, where: Where) -> NDArray[int64]:
    """Ids of all images that a filter lets through, in no certain order, shape (m,)."""
    return integers(connection, filters.image_ids(where))[:, 0]


def vector_blocks(
    connection: Connection, fingerprint: str, *, width: int, after: int = 0, block: int = 4096
) -> Iterator[NDArray[float32]]:
    """The vectors of the images of ``embedded_ids``, in their order, as float32 arrays, shape (m, width)."""
    statement = (
        select(Embedding.vector)
        .where(*_of_space(fingerprint, after))
        .order_by(Embedding.image_id)
        .execution_options(yield_per=block, **BINARY)
    )
    for rows in connection.execute(statement).partitions():
        yield stack([row[0] for row in rows], width)


def _of_space(fingerprint: str, after: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Embedding.image_fingerprint == fingerprint, Embedding.image_id > after


def vectors(connection: Connection, fingerprint: str, ids: Sequence[int]) -> NDArray[float32]:
    """The stored vectors of some images, float32, shape (m, d), in the order asked.

    Raises:
        ArchiveError: if an image has no embedding in this space.
    """
    found: dict[int, bytes] = {}
    for some in chunks(ids):
        statement = select(Embedding.image_id, Embedding.vector).where(
            Embedding.image_fingerprint == fingerprint, Embedding.image_id.in_(some)
        )
        found |= {row[0]: row[1] for row in connection.execute(statement, execution_options=BINARY)}
    missing = [image for image in ids if image not in found]
    if missing:
        raise ArchiveError(
            f"image {missing[0]} has no embedding in space {fingerprint!r}; ingest it with that encoder"
        )
    return stack([found[image] for image in ids], width(connection, fingerprint))


def stack(blobs: Sequence[bytes], width: int) -> NDArray[float32]:
    """Vectors as they are stored, one after the other: float32, shape (m, d)."""
    return np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), width).astype(float32, copy=False)


def width(connection: Connection, fingerprint: str) -> int:
    """The length d of a space's vectors.

    Raises:
        ArchiveError: if no encoder of that space was ever used here.
    """
    found = connection.execute(
        select(Encoder.width).where(Encoder.image_fingerprint == fingerprint).limit(1)
    ).scalar()
    if found is None:
        raise ArchiveError(
            f"this archive holds no embeddings of space {fingerprint!r}; "
            "ingest its images with that encoder, or search with one that `medneg doctor` lists for it"
        )
    return int(found)


def spaces(connection: Connection) -> tuple[SpaceRow, ...]:
    """Every embedding space of the archive, the fullest first."""
    sizes: dict[str, int] = {
        row[0]: row[1]
        for row in connection.execute(
            select(SpaceState.image_fingerprint, SpaceState.count).where(SpaceState.count > 0)
        )
    }
    cards: dict[str, list[EncoderCard]] = {}
    for row in connection.execute(select(Encoder.__table__).order_by(Encoder.id)):
        cards.setdefault(row.image_fingerprint, []).append(_card(row))
    rows = [
        SpaceRow(image_fingerprint=name, count=sizes.get(name, 0), cards=tuple(cards.get(name, ())))
        for name in {**cards, **sizes}
    ]
    return tuple(sorted(rows, key=lambda row: -row.count))


def _card(row: Row[Any]) -> EncoderCard:
    return EncoderCard(
        name=row.name,
        width=row.width,
        input=InputSpec(size=row.input_size, interpolation=row.interpolation, chain=row.chain),
        image_fingerprint=row.image_fingerprint,
        text_fingerprint=row.text_fingerprint,
        licence=row.licence,
        notice=row.notice,
        template=row.template,
        findings=None if row.findings is None else tuple(row.findings),
    )


def images(connection: Connection, ids: Sequence[int]) -> tuple[ImageRow, ...]:
    """What is known of some images, in the order asked.

    Raises:
        ArchiveError: if an id is not in the archive.
    """
    found: dict[int, ImageRow] = {}
    for some in chunks(ids):
        found |= {row.id: row for row in _image_rows(connection, Image.id.in_(some))}
    missing = [image for image in ids if image not in found]
    if missing:
        raise ArchiveError(f"this archive has no image {missing[0]}")
    return tuple(found[image] for image in ids)


def _image_rows(connection: Connection, condition: ColumnElement[bool]) -> Iterator[ImageRow]:
    statement = (
        select(
            *_FACTS,
            Image.pseudonym.label("image"),
            Study.pseudonym.label("study"),
            Patient.pseudonym.label("patient"),
        )
        .join(Study, Study.id == Image.study_id)
        .join(Patient, Patient.id == Study.patient_id)
        .where(condition)
        .order_by(Image.id)
    )
    for row in connection.execute(statement).mappings():
        yield ImageRow(**{str(name): value for name, value in row.items()})


def images_of_patient(connection: Connection, pseudonym: str) -> tuple[ImageRow, ...]:
    """All images of one patient, the oldest study first; those without a date come last."""
    rows = _image_rows(connection, Patient.pseudonym == pseudonym)
    return tuple(sorted(rows, key=lambda row: (row.study_date is None, row.study_date or "", row.id)))


def findings(
    connection: Connection, ids: Sequence[int], source: str | None = None
) -> dict[int, dict[str, FindingState]]:
    """The recorded state of every finding of some images, those of their studies included.

    Where sources disagree, present outranks uncertain and uncertain outranks absent.
    """
    found: dict[int, dict[str, FindingState]] = {image: {} for image in ids}
    for some in chunks(ids):
        for owner in (Finding.image_id == Image.id, Finding.study_id == Image.study_id):
            statement = (
                select(Image.id, Finding.finding, Finding.state)
                .join(Finding, owner)
                .where(Image.id.in_(some), *([Finding.source == source] if source else []))
                .order_by(Finding.id)
            )
            for image, name, state in connection.execute(statement):
                if _RANK[state] >= _RANK[found[image].get(name, "absent")]:
                    found[image][name] = cast("FindingState", state)
    return found


def labels(
    connection: Connection, findings: Sequence[str]
) -> dict[Source, dict[int, dict[str, FindingState]]]:
    """By source and image id the recorded states of some findings; a report speaks for all its study."""
    found: dict[Source, dict[int, dict[str, FindingState]]] = {"manifest": {}, "report": {}}
    for some in chunks(findings):
        for owner in (Finding.image_id == Image.id, Finding.study_id == Image.study_id):
            statement = (
                select(Image.id, Finding.finding, Finding.state, Finding.source)
                .join(Finding, owner)
                .where(Finding.finding.in_(some))
            )
            for image, name, state, source in connection.execute(statement):
                of_image = found[cast("Source", source)].setdefault(image, {})
                of_image[name] = cast("FindingState", state)
    return found


def patients(connection: Connection, ids: NDArray[int64]) -> NDArray[int64]:
    """Whose some images are: a number for each patient, aligned to the ids.

    Raises:
        ArchiveError: if an id is not in the archive.
    """
    statement = select(Image.id, Study.patient_id).join(Study, Study.id == Image.study_id)
    owners = integers(connection, statement)
    owners = owners[np.argsort(owners[:, 0])]
    rows = np.searchsorted(owners[:, 0], ids)
    missing = ~np.isin(ids, owners[:, 0])
    if missing.any():
        raise ArchiveError(f"this archive has no image {ids[missing.argmax()]}")
    owner: NDArray[int64] = owners[rows, 1]
    return owner


def report(connection: Connection, image: int) -> str | None:
    """The report of an image's study; None when there is none."""
    found: str | None = connection.execute(
        select(Report.text).join(Image, Image.study_id == Report.study_id).where(Image.id == image)
    ).scalar()
    return found


def reports(connection: Connection, studies: Sequence[str]) -> dict[str, str | None]:
    """The reports of some studies by pseudonym, None where there is none; unknown studies are left out."""
    found: dict[str, str | None] = {}
    for some in chunks(studies):
        statement = select(Study.pseudonym, Report.text).outerjoin(Report, Report.study_id == Study.id)
        found |= {row[0]: row[1] for row in connection.execute(statement.where(Study.pseudonym.in_(some)))}
    return found


def thumbnail(connection: Connection, image: int) -> bytes | None:
    """An image's JPEG thumbnail; None when there is no such image."""
    found: bytes | None = connection.execute(
        select(Thumbnail.jpeg).where(Thumbnail.image_id == image)
    ).scalar()
    return found


def find_thumbnail(connection: Connection, pseudonym: str, content: str) -> bytes | None:
    """The JPEG of the latest image with a pseudonym whose SHA-256 begins so; None when there is none."""
    begins = func.substr(Image.sha256, 1, len(content)) == content  # LIKE ignores case, on SQLite only
    named = (Image.pseudonym == pseudonym, begins)
    statement = select(Thumbnail.jpeg).join(Image, Image.id == Thumbnail.image_id).where(*named)
    found: bytes | None = connection.execute(statement.order_by(Image.id.desc()).limit(1)).scalar()
    return found


def known_files(connection: Connection, paths: Sequence[str], fingerprint: str) -> dict[str, KnownFile]:
    """What the archive knows of some paths; paths that it has never seen are left out."""
    embedded = exists().where(Embedding.image_id == Image.id, Embedding.image_fingerprint == fingerprint)
    known: dict[str, KnownFile] = {}
    for some in chunks(paths):
        for row in connection.execute(select(Rejected.__table__).where(Rejected.path.in_(some))):
            known[row.path] = KnownFile(
                image_id=None,
                sha256=row.sha256,
                size=row.size,
                mtime_ns=row.mtime_ns,
                reason=row.reason,
                version=row.version,
            )
        columns = (Image.path, Image.id, Image.sha256, Image.size, Image.mtime_ns, embedded)
        for path, image, sha256, size, mtime_ns, done in connection.execute(
            select(*columns).where(Image.path.in_(some))
        ):
            known[path] = KnownFile(
                image_id=image, sha256=sha256, size=size, mtime_ns=mtime_ns, embedded=bool(done)
            )
    return known


def hashes_of_size(
    connection: Connection, sizes: Sequence[int], fingerprint: str
) -> dict[int, frozenset[str]]:
    """For each file size, the SHA-256 of the images of that size that are embedded in a space."""
    found: dict[int, set[str]] = {}
    for some in chunks(sizes):
        statement = (
            select(Image.size, Image.sha256)
            .join(Embedding, Embedding.image_id == Image.id)
            .where(Image.size.in_(some), Embedding.image_fingerprint == fingerprint)
        )
        for size, sha256 in connection.execute(statement):
            found.setdefault(size, set()).add(sha256)
    return {size: frozenset(hashes) for size, hashes in found.items()}


def paths_without_embedding(connection: Connection, fingerprint: str) -> tuple[str, ...]:
    """Paths of the images that a space lacks, in the order in which they came."""
    embedded = exists().where(Embedding.image_id == Image.id, Embedding.image_fingerprint == fingerprint)
    statement = select(Image.path).where(~embedded).order_by(Image.id)
    return tuple(connection.execute(statement).scalars())


def rejections(connection: Connection) -> tuple[RejectedRow, ...]:
    """Every file that was set aside, by path."""
    found = connection.execute(select(Rejected.path, Rejected.reason, Rejected.rejected_at))
    return tuple(
        RejectedRow(path=path, reason=reason, when=when.replace(tzinfo=UTC).isoformat(timespec="seconds"))
        for path, reason, when in sorted(found, key=lambda row: row.path)  # engines disagree on words' order
    )


def values(connection: Connection, column: str) -> tuple[str, ...]:
    """The different values of ``view``, ``sex`` or ``modality`` that occur, sorted."""
    chosen = {"view": Image.view, "sex": Image.sex, "modality": Image.modality}[column]
    statement = select(chosen).where(chosen.is_not(None)).distinct()
    return tuple(sorted(str(value) for value in connection.execute(statement).scalars()))


def counts(connection: Connection) -> Counts:
    """How much the archive holds."""

    def number(table: type[Any], *conditions: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(table).where(*conditions)
        return int(connection.execute(statement).scalar_one())

    return Counts(
        patients=number(Patient),
        studies=number(Study),
        images=number(Image),
        phantoms=number(Image, Image.phantom.is_(True)),
        reports=number(Report),
        rejected=number(Rejected),
        searches=number(Search),
    )
