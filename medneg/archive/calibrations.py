"""Calibrations in an archive's database. Every function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import numpy as np
from numpy import float32
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, delete, insert, select

from medneg.archive import reading
from medneg.archive.rows import FindingScores, StoredCalibration
from medneg.archive.schema import CalibratedFinding, Encoder
from medneg.archive.schema import Calibration as Kept
from medneg.scoring import Calibration, Curve, SpaceName
from medneg.values import EncoderCard


def save(
    connection: Connection, card: EncoderCard, calibration: Calibration, findings: tuple[FindingScores, ...]
) -> None:
    """Keep a calibration of both of an encoder's towers, in the place of an earlier one."""
    stamp, count = reading.stamp(connection, card.image_fingerprint)
    old = select(Kept.id).where(*_of(card))
    connection.execute(delete(CalibratedFinding).where(CalibratedFinding.calibration_id.in_(old)))
    connection.execute(delete(Kept).where(*_of(card)))
    row = {
        "image_fingerprint": card.image_fingerprint,
        "text_fingerprint": card.text_fingerprint,
        "stamp": stamp,
        "embeddings": count,
        "made_at": datetime.now(UTC),
        "mean_text": _bytes(calibration.mean_text),
        "mean_image": _bytes(calibration.mean_image),
        "covariance_raw": _bytes(calibration.covariance["raw"]),
        "covariance_centred": _bytes(calibration.covariance["centred"]),
    }
    key = connection.execute(insert(Kept).values(row).returning(Kept.id)).scalar_one()
    rows = [_row(finding) | {"calibration_id": key} for finding in findings]
    if rows:
        connection.execute(insert(CalibratedFinding), rows)


def load(connection: Connection, card: EncoderCard) -> StoredCalibration | None:
    """The calibration of an encoder's two towers; None when there is none."""
    row = connection.execute(select(Kept.__table__).where(*_of(card))).one_or_none()
    if row is None:
        return None
    stamp, _ = reading.stamp(connection, card.image_fingerprint)
    statement = select(CalibratedFinding.__table__).where(CalibratedFinding.calibration_id == row.id)
    findings = tuple(
        _scores(each) for each in connection.execute(statement.order_by(CalibratedFinding.finding))
    )
    spaces: tuple[SpaceName, ...] = get_args(SpaceName)
    curves = {
        space: {each.finding: each.curve for each in findings if each.space == space and each.curve}
        for space in spaces
    }
    width = len(row.mean_image) // 4
    calibration = Calibration(
        mean_text=_array(row.mean_text),
        mean_image=_array(row.mean_image),
        covariance={
            "raw": _array(row.covariance_raw).reshape(width, width),
            "centred": _array(row.covariance_centred).reshape(width, width),
        },
        curves=curves,
    )
    return StoredCalibration(
        calibration=calibration, findings=findings, embeddings=row.embeddings, stale=row.stamp != stamp
    )


def stale(connection: Connection) -> Iterator[str]:
    """One sentence for each calibration that was made over other images than the archive holds now."""
    for row in connection.execute(select(Kept.image_fingerprint, Kept.stamp, Kept.embeddings)):
        stamp, count = reading.stamp(connection, row.image_fingerprint)
        if stamp != row.stamp:
            named = select(Encoder.name).where(Encoder.image_fingerprint == row.image_fingerprint).limit(1)
            name = connection.execute(named).scalar() or row.image_fingerprint
            yield (
                f"the calibration of {name} was made over {row.embeddings:,} images, the archive now holds "
                f"{count:,}; run `medneg calibrate` again"
            )


def _of(card: EncoderCard) -> tuple[Any, ...]:
    return (
        Kept.image_fingerprint == card.image_fingerprint,
        Kept.text_fingerprint == card.text_fingerprint,
    )


def _bytes(array: NDArray[float32]) -> bytes:
    return array.astype("<f4").tobytes()


def _array(blob: bytes) -> NDArray[float32]:
    return np.frombuffer(blob, "<f4").astype(float32, copy=False)


def _row(scores: FindingScores) -> dict[str, Any]:
    names = ("finding", "space", "mean", "spread", "present", "absent", "reported", "auc", "isotonic_error")
    row = {name: getattr(scores, name) for name in names} | {"quantiles": list(scores.quantiles)}
    curve = ("slope", "intercept", "error")
    return row | {name: scores.curve and getattr(scores.curve, name) for name in curve}


def _scores(row: Row[Any]) -> FindingScores:
    counted = {"present": row.present, "absent": row.absent}
    curve = (
        None
        if row.slope is None
        else Curve(slope=row.slope, intercept=row.intercept, error=row.error, **counted)
    )
    return FindingScores(
        finding=row.finding,
        space=row.space,
        mean=row.mean,
        spread=row.spread,
        quantiles=tuple(row.quantiles),
        reported=row.reported,
        auc=row.auc,
        curve=curve,
        isotonic_error=row.isotonic_error,
        **counted,
    )
