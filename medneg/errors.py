"""Every error that medneg raises on purpose.

MednegError
├── QueryError                what was asked cannot be read as a query
├── ParserError               the language-model parser that was asked for cannot or may not be used
├── FilterError               a filter names an unknown field or value
├── UnknownName               a name that no registry knows
├── CalibrationMissing        a method needs what nobody has measured on this archive yet
│   └── HeadMissing           a method needs a head, and none stands behind the encoder
├── PromiseError              the labels at hand cannot support the promise that was asked for
├── EncoderError
│   ├── WeightsMissing        the encoder is known, its weights are not on this machine
│   └── SpaceMismatch         text and image embeddings come from different models
├── UnreadableImage           a file cannot become a radiograph; carries the reason in plain words
├── ArchiveError              the archive is missing, newer than this program, or holds nothing to search
│   └── ArchiveUnavailable    its database cannot be reached or used just now: the same may work later
├── ClusterError              the cluster that should read files cannot be reached, or failed
├── ManifestError             a table of labels or reports cannot be used
└── GateError                 a file of thresholds for a diagnosis cannot be used

Programmers' mistakes stay ``ValueError`` and ``TypeError``.
"""

from __future__ import annotations

from collections.abc import Iterable


class MednegError(Exception):
    """Base of all errors that a caller may want to catch."""


class QueryError(MednegError):
    """What was asked cannot be read as a query."""


class ParserError(MednegError):
    """The language-model parser that was asked for is not set up, or may not see queries."""


class FilterError(MednegError):
    """A filter names an unknown field, or a value that the field cannot have."""


class UnknownName(MednegError):
    """A name that its registry does not know.

    Args:
        kind: what was looked up, in the singular ("encoder", "method").
        name: the name that was asked for.
        known: the names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(kind, name, tuple(known))
        self.kind, self.name, self.known = kind, name, tuple(known)

    def __str__(self) -> str:
        return f"unknown {self.kind} {self.name!r}; choose one of: {', '.join(self.known)}"


class CalibrationMissing(MednegError):
    """A method or a space needs what nobody has measured on this archive yet.

    Args:
        what: who needs what ("the method z-score needs the spread of the scores").
        encoder: name of the encoder that it is missing for.
    """

    def __init__(self, what: str, encoder: str) -> None:
        super().__init__(what, encoder)
        self.what, self.encoder = what, encoder

    def __str__(self) -> str:
        command = f"medneg calibrate --archive ARCHIVE --encoder {self.encoder}"
        return f"{self.what}; measure it once with `{command}`"


class HeadMissing(CalibrationMissing):
    """A method needs an exclusion head, and none was given that stands behind the encoder."""

    def __str__(self) -> str:
        command = f"medneg-finetune exclmm --archive ARCHIVE --encoder {self.encoder} --out RUN"
        return f"{self.what}; train one with `{command}`, then `medneg embed --archive ARCHIVE --head RUN`"


class PromiseError(MednegError):
    """The labels at hand cannot support the promise that was asked for."""


class EncoderError(MednegError):
    """An encoder cannot be built or used."""


class WeightsMissing(EncoderError):
    """The encoder is known, its weights are not on this machine."""


class SpaceMismatch(EncoderError):
    """Text and image embeddings come from different models and may not be compared."""


class UnreadableImage(MednegError):
    """A file cannot become a radiograph.

    Args:
        reason: why, in plain words and without personal data.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ArchiveError(MednegError):
    """The archive is missing, was written by a newer medneg, or holds nothing to search."""


class ArchiveUnavailable(ArchiveError):
    """The archive's database is stopped, restarting, locked for too long or full: the same may work later."""


class ClusterError(MednegError):
    """The cluster that should read files and encode pictures cannot be reached, or failed."""


class ManifestError(MednegError):
    """A table of labels or reports lacks a column or holds a value that cannot be used."""


class GateError(MednegError):
    """A file of thresholds cannot be read, or names a threshold that there is not."""
