"""An archive in a folder, and a Qdrant in memory that is empty at first."""

import shutil

import pytest

from medneg.archive import Archive
from medneg.archive.indexes.qdrant import collection as server
from medneg.archive.indexes.qdrant.collection import KEY, URL
from tests.archive.new_images import SPACE, new_image
from tests.archive.new_plans import CARD
from tests.archive.qdrant.filled import COUNT


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """A Qdrant in memory, empty at first."""
    server._client.cache_clear()
    monkeypatch.setenv(URL, ":memory:")
    monkeypatch.delenv(KEY, raising=False)
    yield
    server._client.cache_clear()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The folder of an archive that nobody changes."""
    folder = tmp_path_factory.mktemp("gallery") / "archive"
    with Archive.open(folder, create=True) as store:
        store.register(CARD)
        images = [new_image(number, view="PA" if number % 3 else "AP") for number in range(COUNT)]
        store.store(SPACE, images=images)
        store.matrix(SPACE)
    return folder


@pytest.fixture
def archive(gallery, tmp_path):
    shutil.copytree(gallery, tmp_path / "archive")
    with Archive.open(tmp_path / "archive") as store:
        yield store


@pytest.fixture
def source(archive):
    return archive.indexes(SPACE)._source
