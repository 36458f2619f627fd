"""How a collection is filled and brought up to date, through the client's local mode."""

import numpy as np
import pytest
from sqlalchemy import delete

from medneg.archive import Archive
from medneg.archive.engines import transaction
from medneg.archive.filters import Where
from medneg.archive.indexes.qdrant import QDRANT, filling
from medneg.archive.indexes.qdrant import collection as server
from medneg.archive.indexes.qdrant.collection import URL, Collection
from medneg.archive.schema import Image
from medneg.errors import ArchiveError
from medneg.values import Linear
from tests.archive.new_images import SPACE, WIDTH, new_image
from tests.archive.new_plans import CARD, plan_of
from tests.archive.qdrant.filled import COUNT, build, held

pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")


def test_a_build_that_has_nothing_to_do_uploads_nothing(source):
    assert build(source) == COUNT
    assert QDRANT.state(source).ready
    assert QDRANT.state(source).count == COUNT
    assert build(source) == 0


def test_a_stale_collection_is_refused_until_it_was_brought_up_to_date(archive, source):
    build(source)
    archive.store(SPACE, images=[new_image(COUNT), new_image(COUNT + 1)])
    assert not QDRANT.state(source).ready
    with pytest.raises(
        ArchiveError, match=r"holds 600 images .* has 602 now; run `medneg index build qdrant`"
    ):
        QDRANT.open(source)
    assert build(source) == 2
    assert QDRANT.open(source).search(plan_of(Linear(weight=1.0)), 5, where=Where()).considered == COUNT + 2


def test_what_left_the_archive_leaves_the_collection(archive, source, monkeypatch):
    monkeypatch.setattr(server, "_PAGE", 100)
    build(source)
    ids = archive.matrix(SPACE).ids
    gone = [*ids[5:8].tolist(), int(ids[-1])]
    with transaction(source.engine, source.place, writes=True) as connection:
        connection.execute(delete(Image).where(Image.id.in_(gone)))
    assert not QDRANT.state(source).ready
    assert build(source) == 0
    assert held(source) == sorted(set(ids.tolist()) - set(gone))
    assert QDRANT.state(source).ready


def test_points_that_somebody_removed_come_back(source, monkeypatch):
    monkeypatch.setattr(server, "_PAGE", 100)
    build(source)
    ids = held(source)
    Collection(source).remove(np.array([*ids[:3], *ids[-150:]]))
    Collection(source).note(stamp="")
    build(source)
    assert held(source) == ids


def test_an_emptied_collection_is_filled_again(source):
    build(source)
    ids = held(source)
    Collection(source).remove(np.array(ids))
    build(source)
    assert held(source) == ids


def test_a_replaced_image_is_uploaded_again(archive, source):
    build(source)
    archive.store(SPACE, images=[new_image(9999, name="7.dcm")])
    assert build(source) == 1
    assert held(source) == archive.matrix(SPACE).ids.tolist()


def test_a_build_that_was_stopped_goes_on_where_it_was(source, monkeypatch):
    monkeypatch.setattr(filling, "_AT_ONCE", 100)

    def stop(done, total):
        assert total == COUNT
        if done == 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        QDRANT.build(source, stop)
    assert not QDRANT.state(source).ready
    assert len(held(source)) == 300
    assert build(source) == 300


def test_a_build_that_was_killed_goes_on_from_its_last_note(source, monkeypatch):
    monkeypatch.setattr(filling, "_AT_ONCE", 100)
    monkeypatch.setattr(filling, "_NOTED", 2)

    def die(done, total):
        if done == 500:
            raise MemoryError

    with pytest.raises(MemoryError):
        QDRANT.build(source, die)
    assert build(source) == 200


def test_long_vectors_travel_in_smaller_batches(source, monkeypatch):
    monkeypatch.setattr(filling, "_NUMBERS_AT_ONCE", 100 * WIDTH)
    seen = []
    QDRANT.build(source, lambda done, total: seen.append(done))
    assert seen == [100, 200, 300, 400, 500, 600]


def test_images_that_come_during_a_build_are_taken_along(archive, source, monkeypatch):
    monkeypatch.setattr(filling, "_AT_ONCE", 200)

    def ingest(done, total):
        if done == 200:
            archive.store(SPACE, images=[new_image(COUNT)])

    QDRANT.build(source, ingest)
    assert len(held(source)) == COUNT + 1
    assert QDRANT.state(source).ready


def test_embeddings_that_a_restored_backup_never_had_are_forgotten(source):
    build(source)
    Collection(source).note(stamp="", last=10**9)
    assert build(source) == 0
    assert Collection(source).known().last < 10**9


def test_a_dropped_collection_is_gone_and_can_be_dropped_again(source):
    build(source)
    QDRANT.drop(source)
    QDRANT.drop(source)
    assert QDRANT.state(source).note.startswith("Qdrant has no collection of this space yet")
    with pytest.raises(ArchiveError, match=r"no collection .* run `medneg index build qdrant`"):
        QDRANT.open(source)


def test_an_empty_space_has_nothing_to_build(tmp_path):
    with Archive.open(tmp_path / "empty", create=True) as store:
        store.register(CARD)
        with pytest.raises(ArchiveError, match="nothing to search yet"):
            build(store.indexes(SPACE)._source)


def test_a_folder_keeps_what_was_built(tmp_path, monkeypatch):
    monkeypatch.setenv(URL, str(tmp_path / "qdrant"))
    with Archive.open(tmp_path / "small", create=True) as store:
        store.register(CARD)
        store.store(SPACE, images=[new_image(number) for number in range(9)])
        source = store.indexes(SPACE)._source
        assert build(source) == 9
        server._client.cache_clear()
        assert QDRANT.state(source).ready
        assert build(source) == 0


def test_each_space_of_each_archive_has_its_own_collection(archive, source, tmp_path):
    with Archive.open(tmp_path / "other", create=True) as other:
        names = {
            Collection(source).name,
            Collection(archive.indexes("other space")._source).name,
            Collection(other.indexes(SPACE)._source).name,
        }
    assert len(names) == 3
