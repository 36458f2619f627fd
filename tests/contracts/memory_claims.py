"""Claims on files in memory: the slow twin of ``medneg.archive.claims``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta


class Claims:
    """Who means to read which file for which space, and until when."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[str, datetime]] = {}

    def claim(
        self,
        fingerprint: str,
        paths: Sequence[str],
        *,
        owner: str,
        seconds: float,
        gone: Callable[[str], bool],
    ) -> frozenset[str]:
        """The paths that are the owner's now; all of its claims last longer."""
        now = datetime.now(UTC)
        until = now + timedelta(seconds=seconds)
        for key, (holder, _) in self._held.items():
            if holder == owner:
                self._held[key] = (owner, until)
        for path in paths:
            holder, end = self._held.get((fingerprint, path), (owner, until))
            if holder == owner or end <= now or gone(holder):
                self._held[fingerprint, path] = (owner, until)
        return frozenset(path for path in paths if self._held[fingerprint, path][0] == owner)

    def settle(self, fingerprint: str, paths: Iterable[str]) -> None:
        """End the claims on files that were read."""
        for path in paths:
            self._held.pop((fingerprint, path), None)

    def release(self, owner: str, gone: Callable[[str], bool]) -> None:
        """End all claims of an owner, and those of the dead and the late."""
        now = datetime.now(UTC)
        for key, (holder, end) in list(self._held.items()):
            if holder == owner or end <= now or gone(holder):
                del self._held[key]
