"""An archive on PostgreSQL that tests share, and one of their own."""

import pytest

from medneg.archive import Archive
from tests.archive.pgvector.halved import filled


@pytest.fixture(scope="module")
def shared(shared_location):
    filled(shared_location)
    with Archive.open(shared_location) as archive:
        yield archive


@pytest.fixture
def archive(location):
    with Archive.open(location, create=True) as archive:
        yield archive
