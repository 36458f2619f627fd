"""Indexes: ways to find the best images of a plan in one embedding space, one module each.

Methods know no index and indexes know no method: all of them take a ``Plan`` and bring back images with their
exact scores over the float32 truth. What sets them apart is which images they look at, and whether they can
prove that no other belongs among the best.
"""

from __future__ import annotations

from medneg.archive.indexes import scanning
from medneg.archive.indexes.kinds import Index, IndexKind, IndexState, Progress, Source
from medneg.errors import ArchiveError, UnknownName

__all__ = ["AUTOMATIC", "KINDS", "Index", "IndexKind", "IndexState", "Indexes", "Progress", "Source"]

KINDS: dict[str, IndexKind] = {kind.name: kind for kind in (scanning.SCAN,)}
"""Every kind of index by its name."""

AUTOMATIC = "auto"
"""The name of whichever kind suits the archive and the machine."""


class Indexes:
    """The indexes of one embedding space of an archive, by the names in ``KINDS``."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def open(self, name: str = AUTOMATIC) -> Index:
        """An index, ready to search; "auto" for the one that suits the archive and the machine.

        Raises:
            UnknownName: if there is no such index.
            ArchiveError: if it cannot be used here, with what to do.
        """
        kind = scanning.SCAN if name == AUTOMATIC else _kind(name)
        return kind.open(self._source)

    def states(self) -> tuple[IndexState, ...]:
        """Of every kind, whether it can be used."""
        return tuple(kind.state(self._source) for kind in KINDS.values())

    def build(self, name: str, progress: Progress | None = None) -> IndexState:
        """Build an index, or bring it up to date.

        Args:
            name: of its kind.
            progress: called with (done, in all).

        Raises:
            UnknownName: if there is no such index.
            ArchiveError: if it cannot be built here, or needs no building.
        """
        kind = _kind(name)
        if kind.build is None:
            raise ArchiveError(f"the index {name} needs no building: a search makes what it lacks")
        kind.build(self._source, progress or (lambda done, total: None))
        return kind.state(self._source)

    def drop(self, name: str) -> None:
        """Take an index away; nothing is lost that cannot be built again.

        Raises:
            UnknownName: if there is no such index.
            ArchiveError: if it is a part of the archive, or cannot be reached.
        """
        kind = _kind(name)
        if kind.drop is None:
            raise ArchiveError(f"the index {name} is a part of the archive and cannot be dropped")
        kind.drop(self._source)


def _kind(name: str) -> IndexKind:
    if name not in KINDS:
        raise UnknownName("index", name, known=(AUTOMATIC, *KINDS))
    return KINDS[name]
