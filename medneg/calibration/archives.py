"""Calibrating an encoder on an archive, and keeping what was found there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import float32, float64, int64
from numpy.typing import NDArray

from medneg.archive.rows import FindingScores
from medneg.calibration.curves import LEAST, auc, fit
from medneg.calibration.fitting import KINDS, SPACES, directions, known_findings, spaces
from medneg.compiling import calibrate
from medneg.labels import ABSENT, PRESENT, Labels, read_labels
from medneg.query import lexicon
from medneg.scoring import SpaceName
from medneg.scoring.plan import enter
from medneg.search import require_space

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.encoders import Encoder
    from medneg.values import EncoderCard, Space

MOST = 200_000
"""Images that a calibration looks at; of a larger archive, evenly spread ones."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_BLOCK = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationReport:
    """What `medneg calibrate` found.

    Attributes:
        encoder: its name.
        images: how many images of the archive were looked at.
        findings: what each finding's scores look like, once a space.
    """

    encoder: str
    images: int
    findings: tuple[FindingScores, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        rows = [_to_json(scores) for scores in self.findings]
        return {"encoder": self.encoder, "images": self.images, "findings": rows}


def calibrate_archive(
    archive: Archive, encoder: Encoder, *, progress: Callable[[int, int], None] | None = None
) -> CalibrationReport:
    """Measure where an encoder's embeddings lie on an archive and what its scores mean; keep it there.

    Means, covariances and the spread of each finding's scores need no labels. A finding with enough images
    that are known to show it and known not to (from manifests, then reports) gets a probability curve.

    Args:
        archive: holds embeddings of the encoder.
        encoder: its text tower speaks the findings.
        progress: called with (done, total) images.

    Raises:
        ArchiveError: if the archive holds no embeddings.
        SpaceMismatch: if the archive was embedded by other encoders only.
    """
    card = encoder.card
    require_space(archive, card)
    matrix = archive.matrix(card.image_fingerprint)
    ids = matrix.ids[np.linspace(0, len(matrix) - 1, min(MOST, len(matrix))).astype(int64)]
    means = calibrate(encoder, matrix.mean)
    labels = _labels(archive, ids, card)
    towards = directions(labels.findings, encoder, means)
    covariance, scores = _look(archive, ids, spaces(card, means), towards, progress)
    patients = archive.patients(ids)
    findings = tuple(
        _describe(scores[space][:, column], labels, column, patients, space)
        for column in range(len(labels.findings))
        for space in SPACES
    )
    archive.save_calibration(card, replace(means, covariance=covariance), findings)
    return CalibrationReport(encoder=card.name, images=len(ids), findings=findings)


def _labels(archive: Archive, ids: NDArray[int64], card: EncoderCard) -> Labels:
    """Labels of the findings that the encoder knows, and of all others that have enough of them."""
    known = known_findings(card)
    others = [each.id for each in lexicon().findings if each.kind in KINDS and each.id not in known]
    found = read_labels(archive, ids, (*known, *others))
    enough = np.minimum((found.states == PRESENT).sum(axis=0), (found.states == ABSENT).sum(axis=0)) >= LEAST
    columns = [column for column, finding in enumerate(found.findings) if finding in known or enough[column]]
    return Labels(
        findings=tuple(found.findings[column] for column in columns),
        states=found.states[:, columns],
        reported=found.reported[:, columns],
    )


def _look(
    archive: Archive,
    ids: NDArray[int64],
    places: dict[SpaceName, Space],
    towards: dict[SpaceName, NDArray[float32]],
    progress: Callable[[int, int], None] | None,
) -> tuple[dict[SpaceName, NDArray[float32]], dict[SpaceName, NDArray[float32]]]:
    """By space the covariance of the embeddings (d, d) and their projections (n, findings)."""
    width = towards["raw"].shape[1]
    sums = {space: (np.zeros(width), np.zeros((width, width))) for space in places}
    scores = {space: np.empty((len(ids), len(towards[space])), float32) for space in places}
    for rows in _blocks(len(ids)):
        stored = archive.vectors(places["raw"].image_fingerprint, ids[rows].tolist())
        for space, place in places.items():
            images = enter(stored, place)
            first, second = sums[space]
            first += images.sum(axis=0)
            second += images.T @ images
            scores[space][rows] = images @ towards[space].T.astype(float64)
        if progress is not None:
            progress(rows.stop, len(ids))
    covariance = {space: _covariance(first, second, len(ids)) for space, (first, second) in sums.items()}
    return covariance, scores


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def _covariance(first: NDArray[float64], second: NDArray[float64], count: int) -> NDArray[float32]:
    """E[xxᵀ] − E[x]E[x]ᵀ, from sums over ``count`` images."""
    mean = first / count
    return (second / count - np.outer(mean, mean)).astype(float32)


def _describe(
    scores: NDArray[float32], labels: Labels, column: int, patients: NDArray[int64], space: SpaceName
) -> FindingScores:
    states = labels.states[:, column]
    present, told = states == PRESENT, (states == PRESENT) | (states == ABSENT)
    both = 0 < present.sum() < told.sum()
    fitted = fit(scores[told], present[told], patients[told])
    return FindingScores(
        finding=labels.findings[column],
        space=space,
        mean=float(scores.mean(dtype=float64)),
        spread=float(scores.std(dtype=float64)),
        quantiles=tuple(np.quantile(scores, QUANTILES).tolist()),
        present=int(present.sum()),
        absent=int(told.sum() - present.sum()),
        reported=int((labels.reported[:, column] & told).sum()),
        auc=auc(scores[told], present[told]) if both else None,
        curve=None if fitted is None else fitted.curve,
        isotonic_error=None if fitted is None else fitted.isotonic_error,
    )


def _to_json(scores: FindingScores) -> dict[str, Any]:
    names = ("finding", "space", "mean", "spread", "present", "absent", "reported", "auc", "isotonic_error")
    curve = ("slope", "intercept", "error")
    return (
        {name: getattr(scores, name) for name in names}
        | {"quantiles": list(scores.quantiles)}
        | {name: scores.curve and getattr(scores.curve, name) for name in curve}
    )
