"""What goes into and comes out of an archive: frozen values, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from medneg.scoring import Calibration, Curve, SpaceName
    from medneg.values import EncoderCard, FindingState, Radiograph

Source = Literal["manifest", "report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStamp:
    """A file as it was when it was read: enough to tell later whether it has changed."""

    path: str
    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewImage:
    """A file that became a radiograph, ready to be stored.

    Attributes:
        file: which file.
        radiograph: what is known of it; its pixels are not stored.
        rows, columns: size of the whole picture, pixels.
        vector: its embedding, float32, shape (d,), of unit length.
        thumbnail: a JPEG.
    """

    file: FileStamp
    radiograph: Radiograph
    rows: int
    columns: int
    vector: NDArray[float32]
    thumbnail: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRejection:
    """A file that is set aside; ``sha256`` is None when it could not be read at all."""

    path: str
    size: int
    mtime_ns: int
    reason: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a manifest says of one image. ``view``, ``sex``, ``age`` and ``study_date`` fill gaps only.

    ``patient`` is a pseudonym; it groups images whose files do not say whose they are.
    """

    findings: Mapping[str, FindingState] = field(default_factory=dict)
    patient: str | None = None
    view: str | None = None
    sex: str | None = None
    age: float | None = None
    study_date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """What an archive knows of a path: that it is an image, or that it was set aside and why.

    Attributes:
        image_id: the image's key; None for a rejected file.
        sha256, size, mtime_ns: of the file as it was.
        reason: why it was set aside; None for an image.
        version: the medneg that set it aside; None for an image.
        embedded: whether the image has an embedding under the fingerprint that was asked for.
    """

    image_id: int | None
    sha256: str | None
    size: int
    mtime_ns: int
    reason: str | None = None
    version: str | None = None
    embedded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """One image with what is known of it; ``patient``, ``study`` and ``image`` are pseudonyms."""

    id: int
    path: str
    sha256: str
    patient: str
    study: str
    image: str
    view: str | None
    sex: str | None
    age: float | None
    study_date: str | None
    modality: str | None
    rows: int
    columns: int
    grey_scale: str
    header: Mapping[str, str]
    phantom: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRow:
    """One embedding space of the archive.

    Attributes:
        image_fingerprint: the image tower and preprocessing that made it.
        count: how many images have an embedding in it.
        cards: the encoders that belong to it, the one that came first in front.
    """

    image_fingerprint: str
    count: int
    cards: tuple[EncoderCard, ...]

    @property
    def name(self) -> str:
        """The names of its encoders; its fingerprint when none is recorded."""
        return ", ".join(dict.fromkeys(card.name for card in self.cards)) or self.image_fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingScores:
    """How a finding scores over an archive: the projections x·a of all images on its direction.

    Attributes:
        finding: its lexicon id.
        space: the embedding space of the projections.
        mean, spread: of the projections; the spread is their standard deviation.
        quantiles: at .05, .25, .5, .75 and .95.
        present, absent: how many labelled images there are of each kind.
        reported: how many of these labels come from reports only.
        auc: of the projections against the labels; None without both kinds.
        curve: its probability; None where the labels are too few.
        isotonic_error: calibration error on the same held-out folds of isotonic regression instead.
    """

    finding: str
    space: SpaceName
    mean: float
    spread: float
    quantiles: tuple[float, ...]
    present: int = 0
    absent: int = 0
    reported: int = 0
    auc: float | None = None
    curve: Curve | None = None
    isotonic_error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredCalibration:
    """A calibration that the archive keeps.

    Attributes:
        calibration: means, covariances and curves.
        findings: what each finding's scores look like.
        embeddings: over how many images it was made.
        stale: whether images have come or gone since.
    """

    calibration: Calibration
    findings: tuple[FindingScores, ...]
    embeddings: int
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A file that was set aside, why, and when (ISO, UTC)."""

    path: str
    reason: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRow:
    """One line of the audit trail; ``when`` is ISO, UTC, ``who`` a pseudonym of the account."""

    when: str
    who: str
    query: str
    method: str
    encoder: str
    k: int
    considered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much an archive holds."""

    patients: int
    studies: int
    images: int
    phantoms: int
    reports: int
    rejected: int
    searches: int
