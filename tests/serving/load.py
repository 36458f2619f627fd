"""Readers at a service over PostgreSQL, and the database restarted under them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving.database import Database, database
from tests.serving.readers import Reader, Seen
from tests.serving.service import Service, served

DOWN_SECONDS = 2.0
"""How long the database stays away."""

RECOVERY_SECONDS = 10.0
"""Within which all must be as before once the database is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of it.

    Attributes:
        seen: all that the readers did.
        down: from when to when the database was away or had just come back.
        recovered: seconds from the database's return until `/healthz` was well.
        memory: resident bytes of the service, by share of the time that had passed.
    """

    seen: tuple[Seen, ...]
    down: tuple[float, float]
    recovered: float
    memory: tuple[tuple[float, int], ...]

    def wrong(self) -> list[Seen]:
        """What should not have been: all but success and "busy", save proper refusals during the outage."""
        began, ended = self.down
        return [
            each
            for each in self.seen
            if each.outcome not in ("ok", "busy")
            and not (each.outcome == "unavailable" and each.at < ended and each.at + each.seconds > began)
        ]

    def growth(self) -> float:
        """Memory at the end, as a ratio to that after two fifths of the time."""
        warm = next(size for share, size in self.memory if share >= 0.4)
        return self.memory[-1][1] / warm


@contextmanager
def service_on_postgresql(archive: Path, folder: Path) -> Iterator[tuple[Service, Database]]:
    """Copy an archive to a new PostgreSQL server and serve it there."""
    from medneg.archive import Archive
    from medneg.archive.copying import copy_archive

    with database() as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_DATA_HOME", str(folder / "data"))
        environment.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        Archive.open(archive).close()  # an older one is brought up to date first
        copy_archive(archive, server.url)
        with served(server.url, folder) as service:
            yield service, server


def read_under_load(
    service: Service, server: Database, *, readers: int, seconds: float, pause: float
) -> Load:
    """Let readers read for some time, and restart the database in the middle of it."""
    stop, memory = threading.Event(), []
    people = [Reader(service.port, number, stop, pause=pause) for number in range(readers)]
    began = time.monotonic()
    for person in people:
        person.start()

    def pass_time(until: float) -> None:
        while (passed := time.monotonic() - began) < until * seconds:
            memory.append((passed / seconds, service.memory()))
            time.sleep(min(1.0, seconds / 40))

    try:
        pass_time(0.5)
        down = time.monotonic()
        server.stop()
        time.sleep(DOWN_SECONDS)
        server.start()
        recovered = service.wait_until_healthy()
        back = time.monotonic()
        pass_time(1.0)
    finally:
        stop.set()
        for person in people:
            person.join()
    memory.append((1.0, service.memory()))
    seen = tuple(each for person in people for each in person.seen)
    return Load(seen=seen, down=(down, back + RECOVERY_SECONDS), recovered=recovered, memory=tuple(memory))
