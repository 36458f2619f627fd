"""The benchmark over an archive: its embeddings against what is known of its images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.errors import ArchiveError
from medneg.evaluation.benchmark import Setup, evaluate_gallery
from medneg.evaluation.measuring import Progress
from medneg.evaluation.report import Report
from medneg.evaluation.truth import Truth
from medneg.search import require_space

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.encoders import Encoder

Source = Literal["manifest", "report"]

TRUTHS: dict[Source, str] = {"manifest": "labels of manifests", "report": "findings read in reports"}


def evaluate_archive(
    archive: Archive,
    encoder: Encoder,
    *,
    setup: Setup,
    source: Source = "manifest",
    progress: Progress | None = None,
) -> Report:
    """Measure an encoder and the negation methods on all images of an archive that are labelled.

    Args:
        archive: holds embeddings of the encoder, and labels.
        encoder: its text tower reads the questions.
        setup: how to ask.
        source: believe manifests (phantoms' truth, ChestX-ray14's list, tables of flags), or what was read
            in reports.
        progress: called with (done, total) rankings.

    Raises:
        ArchiveError: if no image has such labels, or too few have.
        SpaceMismatch: if the archive was embedded by other encoders only.
    """
    images, truth = labelled_gallery(archive, encoder, source)
    return evaluate_gallery(images, truth, encoder, setup=setup, progress=progress)


def labelled_gallery(archive: Archive, encoder: Encoder, source: Source) -> tuple[NDArray[float32], Truth]:
    """Embeddings, shape (n, d), and truth of the images of which anything is said.

    Raises:
        ArchiveError: if there is none.
        SpaceMismatch: if the archive was embedded by other encoders only.
    """
    fingerprint = encoder.card.image_fingerprint
    require_space(archive, encoder.card)
    ids = archive.matrix(fingerprint).ids.tolist()
    states = archive.findings(ids, source=source)
    labelled = [image for image in ids if states.get(image)]
    if not labelled:
        raise ArchiveError(
            f"no image of the archive has {TRUTHS[source]}; ingest a manifest that says present or absent "
            "for each finding, such as the labels.csv of `medneg phantom`, or reports"
        )
    people = [image.patient for image in archive.images(labelled)]
    _, patients = np.unique(people, return_inverse=True)
    truth = Truth.from_states([states[image] for image in labelled], patients)
    return archive.vectors(fingerprint, labelled), truth
