"""The archive room: it keeps things, and knows no DICOM, no model and no language."""

from medneg.archive.filters import FindingFilter, Where
from medneg.archive.rows import (
    Counts,
    FileStamp,
    ImageRow,
    KnownFile,
    Label,
    NewImage,
    NewRejection,
    RejectedRow,
    SearchRow,
    SpaceRow,
)
from medneg.archive.store import Archive

__all__ = [
    "Archive",
    "Counts",
    "FileStamp",
    "FindingFilter",
    "ImageRow",
    "KnownFile",
    "Label",
    "NewImage",
    "NewRejection",
    "RejectedRow",
    "SearchRow",
    "SpaceRow",
    "Where",
]
