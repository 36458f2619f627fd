"""The archive room: it keeps things, and knows no DICOM, no model and no language."""

from medneg.archive.filters import FindingFilter, Where
from medneg.archive.rows import (
    Counts,
    FileStamp,
    FindingScores,
    ImageRow,
    KnownFile,
    Label,
    NewImage,
    NewRejection,
    RejectedRow,
    SearchRow,
    SpaceRow,
    StoredCalibration,
)
from medneg.archive.store import Archive

__all__ = [
    "Archive",
    "Counts",
    "FileStamp",
    "FindingFilter",
    "FindingScores",
    "ImageRow",
    "KnownFile",
    "Label",
    "NewImage",
    "NewRejection",
    "RejectedRow",
    "SearchRow",
    "SpaceRow",
    "StoredCalibration",
    "Where",
]
