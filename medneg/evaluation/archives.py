"""The benchmark over an archive: its embeddings against what is known of its images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.errors import ArchiveError
from medneg.evaluation.asking import Setup
from medneg.evaluation.benchmark import evaluate_gallery
from medneg.evaluation.con2 import Con2Report, con2
from medneg.evaluation.corrupted import corrupted
from medneg.evaluation.corruption_report import CorruptionReport
from medneg.evaluation.crossfit import borrow
from medneg.evaluation.gallery import Fold
from medneg.evaluation.measuring import Progress
from medneg.evaluation.report import Report
from medneg.evaluation.truth import Truth
from medneg.search import require_space
from medneg.values import FindingState

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.scoring import TextTower

Source = Literal["manifest", "report"]

TRUTHS: dict[Source, str] = {"manifest": "labels of manifests", "report": "findings read in reports"}


AnyReport = Report | Con2Report | CorruptionReport
PRESETS: Mapping[str, Callable[..., AnyReport]] = {
    "exclusionbench": evaluate_gallery,
    "con2": con2,
    "corruption": corrupted,
}
"""What can be asked of an archive, by the name of the preset."""


def evaluate_archive(
    archive: Archive,
    encoder: TextTower,
    preset: str,
    *,
    setup: Setup,
    source: Source = "manifest",
    curves: Archive | None = None,
    progress: Progress | None = None,
) -> AnyReport:
    """Measure an encoder and the negation methods on all images of an archive that are labelled.

    Args:
        archive: holds embeddings of the encoder, and labels.
        encoder: its text tower reads the questions.
        preset: a name in ``PRESETS``.
        setup: how to ask.
        source: believe manifests (phantoms' truth, ChestX-ray14's list, tables of flags), or what was read
            in reports.
        curves: an archive of other patients to fit probability curves on; None fits them on the patients of
            this one that are not scored.
        progress: called with (done, total) questions.

    Raises:
        ArchiveError: if no image has such labels, or too few have.
        SpaceMismatch: if the archive was embedded by other encoders only.
    """
    images, truth, folds = prepare(archive, encoder, source, curves)
    labelled = replace(setup, truth=TRUTHS[source])
    return PRESETS[preset](images, truth, encoder, setup=labelled, folds=folds, progress=progress)


def prepare(
    archive: Archive, encoder: TextTower, source: Source, curves: Archive | None
) -> tuple[NDArray[float32], Truth, tuple[Fold, ...] | None]:
    """Embeddings, truth, and calibrations if they come from another archive."""
    images, truth = labelled_gallery(archive, encoder, source)
    if curves is None:
        return images, truth, None
    return images, truth, borrow(images, encoder, *labelled_gallery(curves, encoder, source))


def labelled_gallery(archive: Archive, encoder: TextTower, source: Source) -> tuple[NDArray[float32], Truth]:
    """Embeddings, shape (n, d), and truth of the images of which anything is said.

    Raises:
        ArchiveError: if there is none.
        SpaceMismatch: if the archive was embedded by other encoders only.
    """
    states = labelled_states(archive, encoder, source)
    labelled = list(states)
    people = [image.patient for image in archive.images(labelled)]
    _, patients = np.unique(people, return_inverse=True)
    truth = Truth.from_states(list(states.values()), patients)
    return archive.vectors(encoder.card.image_fingerprint, labelled), truth


def labelled_states(
    archive: Archive, encoder: TextTower, source: Source
) -> dict[int, dict[str, FindingState]]:
    """Ids of the images of ``labelled_gallery``, in its order, with what is said of each; same errors."""
    require_space(archive, encoder.card)
    ids = archive.matrix(encoder.card.image_fingerprint).ids.tolist()
    states = archive.findings(ids, source=source)
    labelled = {image: states[image] for image in ids if states.get(image)}
    if not labelled:
        raise ArchiveError(
            f"no image of the archive has {TRUTHS[source]}; ingest a manifest that says present or absent "
            "for each finding, such as the labels.csv of `medneg phantom`, or reports"
        )
    return labelled
