"""The scan matrices of an archive: written anew when they are stale, and held while they are not."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from medneg.archive import reading
from medneg.archive.places import Place
from medneg.errors import ArchiveError

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from medneg.archive.matrix import ScanMatrix


Progress = Callable[[int, int], None]
"""Called with (done, in all)."""


def quietly(done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Space:
    """A space as it is in one transaction."""

    connection: Connection
    fingerprint: str
    stamp: str
    count: int
    width: int

    def blocks(self, progress: Progress, *, after: int, count: int) -> Iterator[NDArray[float32]]:
        """The vectors of images whose ids are greater than ``after``, of which there are ``count``."""
        done = 0
        progress(0, count)
        for block in reading.vector_blocks(self.connection, self.fingerprint, width=self.width, after=after):
            yield block
            done += len(block)
            progress(done, count)


class Matrices:
    """One scan matrix for each embedding space, mapped from the archive's folder; shared by threads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._held: dict[str, ScanMatrix] = {}
        self.lock = threading.Lock()

    def current(self, connection: Connection, fingerprint: str, progress: Progress = quietly) -> ScanMatrix:
        """The matrix of a space as it is in a transaction; the caller holds ``lock``.

        Args:
            connection: of the transaction.
            fingerprint: names the space.
            progress: called with (rows written, rows to write) if it has to be written.

        Raises:
            ArchiveError: if the archive holds no embedding of this space.
        """
        from medneg.archive.matrix import ScanMatrix

        stamp, count = reading.stamp(connection, fingerprint)
        held = self._held.get(fingerprint)
        if held is not None and held.stamp == stamp:
            return held
        width = reading.width(connection, fingerprint)
        if count == 0:
            raise ArchiveError(
                f"the archive at {self._place.shown} holds nothing to search yet; "
                "bring images in with `medneg ingest`"
            )
        held = ScanMatrix.open(self.folder(fingerprint))
        if held is None or held.stamp != stamp:
            space = _Space(
                connection=connection, fingerprint=fingerprint, stamp=stamp, count=count, width=width
            )
            held = self._written(space, held, progress)
        self._held[fingerprint] = held
        return held

    def _written(self, space: _Space, before: ScanMatrix | None, progress: Progress) -> ScanMatrix:
        """The matrix written anew; rows of an older one are kept where images have only come since."""
        from medneg.archive.matrix import ScanMatrix

        folder = self.folder(space.fingerprint)
        if before is not None and len(before) and reading.only_grown(before.stamp, space.stamp):
            last = int(before.ids[-1])
            new = reading.embedded_ids(space.connection, space.fingerprint, after=last)
            if len(before) + len(new) == space.count:  # else one came between those that were here
                blocks = space.blocks(progress, after=last, count=len(new))
                return before.extended(folder, ids=new, blocks=blocks, stamp=space.stamp)
        return ScanMatrix.write(
            folder,
            ids=reading.embedded_ids(space.connection, space.fingerprint),
            blocks=space.blocks(progress, after=0, count=space.count),
            stamp=space.stamp,
            width=space.width,
        )

    def stamp_on_disk(self, fingerprint: str) -> str | None:
        """What the archive looked like when a space's matrix was written; None when there is none."""
        from medneg.archive.matrix import ScanMatrix

        held = ScanMatrix.open(self.folder(fingerprint))
        return None if held is None else held.stamp

    def folder(self, fingerprint: str) -> Path:
        """Where the files that belong to a space and can be made again are kept."""
        return self._place.matrices / hashlib.sha256(fingerprint.encode()).hexdigest()[:16]

    def clear(self) -> None:
        """Let go of all of them."""
        self._held.clear()
