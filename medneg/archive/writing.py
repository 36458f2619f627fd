"""Changes to an archive's database. Every function runs in the caller's transaction: all of it or nothing."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, delete, insert, literal, select, update

from medneg import __version__
from medneg.archive import halves
from medneg.archive.halves import insert_embeddings
from medneg.archive.reading import chunks
from medneg.archive.rows import FileStamp, Label, NewImage, NewRejection
from medneg.archive.schema import (
    Embedding,
    Encoder,
    Finding,
    Half,
    Image,
    Patient,
    Rejected,
    Report,
    Study,
    Thumbnail,
)
from medneg.values import EncoderCard, FindingState, Radiograph

_TOLERANCE = 1e-3


def register(connection: Connection, card: EncoderCard) -> None:
    """Keep an encoder's card, or bring the kept one up to date."""
    row = {
        "name": card.name,
        "width": card.width,
        "input_size": card.input.size,
        "interpolation": card.input.interpolation,
        "chain": card.input.chain,
        "licence": card.licence,
        "notice": card.notice,
        "template": card.template,
        "findings": None if card.findings is None else list(card.findings),
    }
    same = (
        Encoder.image_fingerprint == card.image_fingerprint,
        Encoder.text_fingerprint == card.text_fingerprint,
    )
    if connection.execute(update(Encoder).where(*same).values(row)).rowcount == 0:
        both = {"image_fingerprint": card.image_fingerprint, "text_fingerprint": card.text_fingerprint}
        connection.execute(insert(Encoder).values(row | both))


def add_images(connection: Connection, batch: Sequence[NewImage], *, fingerprint: str) -> None:
    """Store images with embeddings and thumbnails, in the place of whatever their paths held before.

    A file whose content is unchanged keeps its id, its other embeddings and its findings.

    Raises:
        ValueError: if a vector is not of unit length.
    """
    by_path = {new.file.path: new for new in batch}
    for new in by_path.values():
        _require_unit(new.vector)
    for paths in chunks(list(by_path)):
        some = {path: by_path[path] for path in paths}
        connection.execute(delete(Rejected).where(Rejected.path.in_(paths)))
        ids = _same_images(connection, some)
        ids |= _insert_images(connection, [new for path, new in some.items() if path not in ids])
        connection.execute(
            delete(Embedding).where(
                Embedding.image_id.in_(list(ids.values())), Embedding.image_fingerprint == fingerprint
            )
        )
        rows = [
            {
                "image_id": ids[path],
                "image_fingerprint": fingerprint,
                "vector": new.vector.astype("<f4").tobytes(),
            }
            for path, new in some.items()
        ]
        insert_embeddings(connection, rows)


def add_vectors(
    connection: Connection, fingerprint: str, ids: Sequence[int], vectors: NDArray[np.float32]
) -> int:
    """Store vectors of images that are here already, in the place of earlier ones of the same space.

    Args:
        connection: in a transaction that may write.
        fingerprint: of the space.
        ids: image ids; those that have gone meanwhile are left out.
        vectors: unit rows, shape (len(ids), d).

    Returns:
        How many were stored.

    Raises:
        ValueError: if a vector is not of unit length.
    """
    by_id = dict(zip(ids, vectors.astype("<f4"), strict=True))
    for vector in by_id.values():
        _require_unit(vector)
    stored = 0
    for some in chunks(list(by_id)):
        here = connection.execute(select(Image.id).where(Image.id.in_(some))).scalars().all()
        same = (Embedding.image_id.in_(here), Embedding.image_fingerprint == fingerprint)
        connection.execute(delete(Embedding).where(*same))
        rows = [
            {"image_id": image, "image_fingerprint": fingerprint, "vector": by_id[image].tobytes()}
            for image in here
        ]
        if rows:
            insert_embeddings(connection, rows)
        stored += len(rows)
    return stored


def _require_unit(vector: NDArray[np.float32]) -> None:
    length = float(np.linalg.norm(vector))
    if not math.isclose(length, 1, abs_tol=_TOLERANCE):
        raise ValueError(f"an image embedding must have unit length; got {length!r}")


def _same_images(connection: Connection, batch: Mapping[str, NewImage]) -> dict[str, int]:
    """Ids by path of the files whose very content is stored already; what other paths hold is removed."""
    same = {}
    statement = select(Image.id, Image.path, Image.sha256).where(Image.path.in_(list(batch)))
    for image, path, sha256 in connection.execute(statement).all():
        file = batch[path].file
        if sha256 != file.sha256:
            remove_image(connection, path)
            continue
        times = {"size": file.size, "mtime_ns": file.mtime_ns}
        connection.execute(update(Image).where(Image.id == image).values(times))
        same[path] = image
    return same


def _insert_images(connection: Connection, batch: Sequence[NewImage]) -> dict[str, int]:
    if not batch:
        return {}
    studies = _studies(connection, [new.radiograph for new in batch])
    rows = [_image_row(new) | {"study_id": studies[new.radiograph.study]} for new in batch]
    statement = insert(Image).returning(Image.id, sort_by_parameter_order=True)
    made = connection.execute(statement, rows).scalars().all()
    ids = {new.file.path: image for new, image in zip(batch, made, strict=True)}
    thumbnails = [{"image_id": ids[new.file.path], "jpeg": new.thumbnail} for new in batch]
    connection.execute(insert(Thumbnail), thumbnails)
    return ids


def _image_row(new: NewImage) -> dict[str, Any]:
    known = new.radiograph
    return {
        "pseudonym": known.image,
        "path": new.file.path,
        "sha256": new.file.sha256,
        "size": new.file.size,
        "mtime_ns": new.file.mtime_ns,
        "view": known.view,
        "sex": known.sex,
        "age": known.age,
        "study_date": known.study_date,
        "modality": known.modality,
        "rows": new.rows,
        "columns": new.columns,
        "grey_scale": known.grey_scale,
        "header": dict(known.header),
        "phantom": known.phantom,
        "indexed_at": datetime.now(UTC),
    }


def _studies(connection: Connection, batch: Sequence[Radiograph]) -> dict[str, int]:
    """Study ids by pseudonym, the missing ones made; a study that is there keeps its patient."""
    patients: dict[str, str] = {}
    for known in batch:
        patients.setdefault(known.study, known.patient)
    found = _ids(connection, Study, list(patients))
    missing = [study for study in patients if study not in found]
    if not missing:
        return found
    owners = _ids(connection, Patient, [patients[study] for study in missing])
    new = sorted({patients[study] for study in missing} - owners.keys())
    if new:
        connection.execute(insert(Patient), [{"pseudonym": pseudonym} for pseudonym in new])
        owners |= _ids(connection, Patient, new)
    rows = [{"pseudonym": study, "patient_id": owners[patients[study]]} for study in missing]
    connection.execute(insert(Study), rows)
    return found | _ids(connection, Study, missing)


def _ids(
    connection: Connection, table: type[Study] | type[Patient], pseudonyms: Sequence[str]
) -> dict[str, int]:
    statement = select(table.pseudonym, table.id).where(table.pseudonym.in_(pseudonyms))
    return {row[0]: row[1] for row in connection.execute(statement)}


def _inserted(connection: Connection, table: type[Any], row: Mapping[str, Any]) -> int:
    key = connection.execute(insert(table).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _patient(connection: Connection, pseudonym: str) -> int:
    patient: int | None = connection.execute(
        select(Patient.id).where(Patient.pseudonym == pseudonym)
    ).scalar()
    return patient if patient is not None else _inserted(connection, Patient, {"pseudonym": pseudonym})


def remove_image(connection: Connection, path: str) -> None:
    """Forget the image at a path, with its embeddings, thumbnail and findings; do nothing if there is none.

    A study without images goes too, unless it has a report.
    """
    found = connection.execute(select(Image.id, Image.study_id).where(Image.path == path)).one_or_none()
    if found is None:
        return
    for table in (Embedding, Thumbnail, Finding):
        connection.execute(delete(table).where(table.image_id == found.id))
    connection.execute(delete(Image).where(Image.id == found.id))
    _remove_empty_study(connection, found.study_id)


def _remove_empty_study(connection: Connection, study: int) -> None:
    for table in (Image, Report):
        if connection.execute(select(table.study_id).where(table.study_id == study).limit(1)).first():
            return
    patient = connection.execute(select(Study.patient_id).where(Study.id == study)).scalar_one()
    connection.execute(delete(Finding).where(Finding.study_id == study))
    connection.execute(delete(Study).where(Study.id == study))
    if not connection.execute(select(Study.id).where(Study.patient_id == patient).limit(1)).first():
        connection.execute(delete(Patient).where(Patient.id == patient))


def add_twin(connection: Connection, file: FileStamp, *, fingerprint: str) -> int | None:
    """Store a file whose very content the space knows under another path, without decoding it again.

    Where the other file is gone, it has moved: its row takes the new path and keeps its id.

    Returns:
        The image's id; None, with nothing changed, when the space holds no such content any more.
    """
    statement = (
        select(Image.__table__)
        .join(Embedding, Embedding.image_id == Image.id)
        .where(Image.sha256 == file.sha256, Embedding.image_fingerprint == fingerprint)
        .order_by(Image.id)
    )
    twins = connection.execute(statement).mappings().all()
    if not twins:
        return None
    same = next((twin for twin in twins if twin["path"] == file.path), None)
    if same is not None:
        connection.execute(update(Image).where(Image.id == same["id"]).values(mtime_ns=file.mtime_ns))
        return int(same["id"])
    remove_image(connection, file.path)
    connection.execute(delete(Rejected).where(Rejected.path == file.path))
    place = {"path": file.path, "size": file.size, "mtime_ns": file.mtime_ns}
    gone = next((twin for twin in twins if not os.path.exists(twin["path"])), None)
    if gone is not None:
        connection.execute(update(Image).where(Image.id == gone["id"]).values(place))
        return int(gone["id"])
    row = {name: value for name, value in twins[0].items() if name != "id"}
    image = _inserted(connection, Image, row | place | {"indexed_at": datetime.now(UTC)})
    kept: list[tuple[type[Any], tuple[str, ...]]] = [
        (Embedding, ("image_fingerprint", "vector")),
        (Thumbnail, ("jpeg",)),
    ]
    if halves.kept(connection):
        kept.append((Half, ("image_fingerprint", "vector")))
    for table, columns in kept:
        copied = select(literal(image), *(getattr(table, name) for name in columns))
        source = copied.where(table.image_id == twins[0]["id"])
        connection.execute(insert(table).from_select(["image_id", *columns], source))
    return image


def reject(connection: Connection, rejection: NewRejection) -> None:
    """Remember that a file was set aside, and forget the image that its path held before."""
    remove_image(connection, rejection.path)
    connection.execute(delete(Rejected).where(Rejected.path == rejection.path))
    row = {
        "path": rejection.path,
        "sha256": rejection.sha256,
        "size": rejection.size,
        "mtime_ns": rejection.mtime_ns,
        "reason": rejection.reason,
        "version": __version__,
        "rejected_at": datetime.now(UTC),
    }
    connection.execute(insert(Rejected).values(row))


def label(connection: Connection, labels: Mapping[str, Label]) -> int:
    """Record what manifests say of images, by path: findings replace earlier ones, the rest fills gaps.

    Returns:
        How many of the paths are images of this archive.
    """
    labelled = 0
    for paths in chunks(list(labels)):
        rows = connection.execute(
            select(Image.__table__, Study.pseudonym.label("study"))
            .join(Study, Study.id == Image.study_id)
            .where(Image.path.in_(paths))
        ).all()
        labelled += len(rows)
        for row in rows:
            _fill_gaps(connection, row, labels[row.path])
        wanted = {row.id: dict(labels[row.path].findings) for row in rows}
        _replace_findings(connection, Finding.image_id, wanted, source="manifest")
    return labelled


def _fill_gaps(connection: Connection, row: Row[Any], known: Label) -> None:
    gaps = {
        name: getattr(known, name)
        for name in ("view", "sex", "age", "study_date")
        if getattr(row, name) is None and getattr(known, name) is not None
    }
    if gaps:
        connection.execute(update(Image).where(Image.id == row.id).values(gaps))
    # Where a file names no study, its content stands in for study and image alike: only then may a table say
    # whose it is.
    if known.patient is not None and row.study == row.pseudonym:
        _assign_patient(connection, row.study_id, known.patient)


def _assign_patient(connection: Connection, study: int, pseudonym: str) -> None:
    before = connection.execute(select(Study.patient_id).where(Study.id == study)).scalar_one()
    after = _patient(connection, pseudonym)
    if before != after:
        connection.execute(update(Study).where(Study.id == study).values(patient_id=after))
        if not connection.execute(select(Study.id).where(Study.patient_id == before).limit(1)).first():
            connection.execute(delete(Patient).where(Patient.id == before))


def _replace_findings(
    connection: Connection, owner: Any, wanted: Mapping[int, Mapping[str, FindingState]], *, source: str
) -> None:
    """Make the findings of each owner (image or study) exactly those wanted, writing only differences."""
    condition = (owner.in_(list(wanted)), Finding.source == source)
    present: dict[int, dict[str, str]] = {key: {} for key in wanted}
    for key, finding, state in connection.execute(
        select(owner, Finding.finding, Finding.state).where(*condition)
    ):
        present[key][finding] = state
    changed = [key for key in wanted if present[key] != wanted[key]]
    if not changed:
        return
    connection.execute(delete(Finding).where(owner.in_(changed), Finding.source == source))
    rows = [
        {owner.key: key, "finding": finding, "state": state, "source": source}
        for key in changed
        for finding, state in wanted[key].items()
    ]
    if rows:
        connection.execute(insert(Finding), rows)


def add_reports(
    connection: Connection, reports: Iterable[tuple[str, str, Mapping[str, FindingState]]]
) -> int:
    """Store reports with the findings read from them.

    Args:
        connection: in a transaction that may write.
        reports: study pseudonym, text, and state by finding.

    Returns:
        How many of the studies are in this archive; the other reports are left out.
    """
    batch = {study: (text, findings) for study, text, findings in reports}
    stored = 0
    for pseudonyms in chunks(list(batch)):
        studies = connection.execute(
            select(Study.id, Study.pseudonym).where(Study.pseudonym.in_(pseudonyms))
        ).all()
        stored += len(studies)
        keys = [study.id for study in studies]
        connection.execute(delete(Report).where(Report.study_id.in_(keys)))
        rows = [{"study_id": key, "text": batch[pseudonym][0]} for key, pseudonym in studies]
        if rows:
            connection.execute(insert(Report), rows)
        wanted = {key: batch[pseudonym][1] for key, pseudonym in studies}
        _replace_findings(connection, Finding.study_id, wanted, source="report")
    return stored
