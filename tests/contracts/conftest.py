"""The archives that keep one contract: in memory, in a folder (SQLite) and on a server (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medneg.archive import Archive
from tests.conftest import ENGINES, copied_archive
from tests.contracts.memory_archive import MemoryArchive
from tests.fake_encoder import FakeEncoder

pytest.register_assert_rewrite("tests.contracts.indexed")

ARCHIVES = ("memory", *ENGINES)

Opener = Callable[[], Archive]


@pytest.fixture(params=ARCHIVES)
def open_archive(request, tmp_path) -> Iterator[Opener]:
    """Opens the archive of one test, as often as it is called."""
    with opener(request, tmp_path, request.param) as opening:
        yield opening


@pytest.fixture(scope="module", params=ARCHIVES)
def open_shared_archive(request, tmp_path_factory) -> Iterator[Opener]:
    """The same for all tests of a module, which only read."""
    with opener(request, tmp_path_factory.mktemp("shared"), request.param) as opening:
        yield opening


@pytest.fixture
def archive(open_archive) -> Iterator[Archive]:
    """An archive that knows an encoder and holds nothing."""
    with open_archive() as archive:
        archive.register(FakeEncoder().card)
        yield archive


@contextmanager
def opener(request: pytest.FixtureRequest, folder: Path, kind: str) -> Iterator[Opener]:
    """What opens an empty archive of a kind."""
    if kind != "postgresql":
        opens = MemoryArchive.open if kind == "memory" else Archive.open
        yield lambda: opens(folder / "archive", create=True)
        return
    server, empty = request.getfixturevalue("postgresql"), request.getfixturevalue("empty_archive")
    with copied_archive(empty, server, folder) as url:
        yield lambda: Archive.open(url)
