"""Indexes: ways to find the best images of a plan in one embedding space, one module each.

Methods know no index and indexes know no method: all of them take a ``Plan`` and bring back images with their
exact scores over the float32 truth. What sets them apart is which images they look at, and whether they can
prove that no other belongs among the best.
"""

from __future__ import annotations

import os

from medneg.archive.indexes import choosing, faiss_index, pgvector, scanning
from medneg.archive.indexes.choosing import Choice
from medneg.archive.indexes.kinds import Index, IndexKind, IndexState, Progress, Source
from medneg.archive.indexes.qdrant import QDRANT
from medneg.errors import ArchiveError, UnknownName

__all__ = [
    "AUTOMATIC",
    "KINDS",
    "VARIABLE",
    "Choice",
    "Index",
    "IndexKind",
    "IndexState",
    "Indexes",
    "Progress",
    "Source",
]

KINDS: dict[str, IndexKind] = {
    kind.name: kind for kind in (scanning.SCAN, faiss_index.FAISS, pgvector.HNSW, pgvector.SCAN, QDRANT)
}
"""Every kind of index by its name."""

AUTOMATIC = "auto"
"""The name of whichever kind suits the archive and the machine (``medneg.archive.indexes.choosing``)."""

VARIABLE = "MEDNEG_INDEX"
"""The environment variable that says what "auto" stands for."""


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
        if name != AUTOMATIC:
            return _kind(name).open(self._source)
        choice = self.choice()
        try:
            return _kind(choice.name).open(self._source)
        except ArchiveError:
            if os.environ.get(VARIABLE):
                raise  # what somebody asked for is not quietly replaced
            choosing.forget(self._source.archive)
        return _kind(self.choice().name).open(self._source)

    def choice(self) -> Choice:
        """Which index "auto" stands for just now, and why.

        Raises:
            UnknownName: if MEDNEG_INDEX names no index.
            ArchiveError: if the database cannot be reached.
        """
        named = os.environ.get(VARIABLE, AUTOMATIC) or AUTOMATIC
        if named != AUTOMATIC:
            return Choice(name=_kind(named, where=f" in {VARIABLE}").name, reason=f"{VARIABLE} says so")
        return choosing.chosen(self._source, self._ready)

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
            raise ArchiveError(f"the index {name} needs no building")
        kind.build(self._source, progress or (lambda done, total: None))
        choosing.forget(self._source.archive)
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
        choosing.forget(self._source.archive)

    def _ready(self) -> frozenset[str]:
        return frozenset(state.name for state in self.states() if state.ready)


def _kind(name: str, *, where: str = "") -> IndexKind:
    if name not in KINDS:
        raise UnknownName(f"index{where}", name, known=(AUTOMATIC, *KINDS))
    return KINDS[name]
