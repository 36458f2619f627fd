"""The scan matrices of an archive: written anew when they are stale, and held while they are not."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from medneg.archive import reading
from medneg.archive.places import Place
from medneg.errors import ArchiveError

if TYPE_CHECKING:
    from medneg.archive.matrix import ScanMatrix


class Matrices:
    """One scan matrix for each embedding space, mapped from the archive's folder; shared by threads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._held: dict[str, ScanMatrix] = {}
        self.lock = threading.Lock()

    def current(self, connection: Connection, fingerprint: str) -> ScanMatrix:
        """The matrix of a space as it is in a transaction; the caller holds ``lock``.

        Raises:
            ArchiveError: if the archive holds no embedding of this space.
        """
        from medneg.archive.matrix import ScanMatrix

        stamp, count = reading.stamp(connection, fingerprint)
        width = reading.width(connection, fingerprint)
        if count == 0:
            raise ArchiveError(
                f"the archive at {self._place.shown} holds nothing to search yet; "
                "bring images in with `medneg ingest`"
            )
        held = self._held.get(fingerprint)
        if held is None or held.stamp != stamp:
            held = ScanMatrix.open(self.folder(fingerprint))
        if held is None or held.stamp != stamp:
            held = ScanMatrix.write(
                self.folder(fingerprint),
                ids=reading.embedded_ids(connection, fingerprint),
                blocks=reading.vector_blocks(connection, fingerprint, width=width),
                stamp=stamp,
                width=width,
            )
        self._held[fingerprint] = held
        return held

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
