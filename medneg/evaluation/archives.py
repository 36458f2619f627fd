"""The benchmark over an archive: its embeddings against what manifests say of its images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medneg.errors import ArchiveError
from medneg.evaluation.benchmark import evaluate
from medneg.evaluation.report import Report
from medneg.search import require_space

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.encoders import Encoder
    from medneg.values import FindingState


def evaluate_archive(
    archive: Archive,
    encoder: Encoder,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Measure an encoder and the negation methods on all images of an archive that are labelled.

    An image counts if a manifest says of every labelled finding whether it is present or absent.

    Args:
        archive: holds embeddings of the encoder, and labels from a manifest.
        encoder: its text tower reads the questions.
        seed: of the pools and the intervals.
        progress: called with (done, total) method–space combinations.

    Raises:
        ArchiveError: if no image has labels.
        SpaceMismatch: if the archive was embedded by other encoders only.
    """
    fingerprint = encoder.card.image_fingerprint
    require_space(archive, encoder.card)
    ids = archive.matrix(fingerprint).ids.tolist()
    states = archive.findings(ids, source="manifest")
    findings = tuple(sorted({finding for known in states.values() for finding in known}))
    labelled = [image for image in ids if findings and _is_complete(states.get(image, {}), findings)]
    if not labelled:
        raise ArchiveError(
            "no image of the archive has labels; ingest a manifest that says present or absent for each "
            "finding, such as the labels.csv of `medneg phantom`"
        )
    labels = _labels([states[image] for image in labelled], findings)
    vectors = archive.vectors(fingerprint, labelled)
    return evaluate(vectors, labels, findings, encoder, seed=seed, progress=progress)


def _is_complete(known: Mapping[str, FindingState], findings: tuple[str, ...]) -> bool:
    return all(known.get(finding) in ("present", "absent") for finding in findings)


def _labels(states: list[dict[str, FindingState]], findings: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([[known[finding] == "present" for finding in findings] for known in states])
