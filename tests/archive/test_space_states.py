"""The database itself notes every change of its embeddings, on every engine, whoever makes it."""

import numpy as np
import pytest
from sqlalchemy import func, select, text

from medneg.archive import Archive, reading
from medneg.archive.copying import copy_archive
from medneg.archive.engines import connect, transaction
from medneg.archive.places import locate
from medneg.archive.schema import Embedding, SpaceState
from tests.archive.new_images import SPACE, new_image, unit_vector
from tests.fake_encoder import FakeEncoder

CARD = FakeEncoder().card


@pytest.fixture
def archive(location):
    with Archive.open(location, create=True) as archive:
        archive.register(CARD)
        archive.store(SPACE, images=[new_image(n) for n in range(5)])
        archive.store("other", images=[new_image(n) for n in range(3)])
        yield archive


@pytest.fixture
def look(archive, location):
    """What is noted of ``SPACE``, after a comparison of all counts with the rows themselves."""
    place = locate(location)
    engine = connect(place)

    def states():
        with transaction(engine, place) as connection:
            noted = {row.image_fingerprint: row for row in connection.execute(select(SpaceState.__table__))}
            grouped = select(Embedding.image_fingerprint, func.count()).group_by(Embedding.image_fingerprint)
            counted = {row[0]: row[1] for row in connection.execute(grouped)}
        assert {name: row.count for name, row in noted.items() if row.count} == counted
        return noted[SPACE]

    yield states
    engine.dispose()


@pytest.fixture
def change(location):
    """Run a statement as another program might."""
    place = locate(location)
    engine = connect(place)

    def run(statement):
        with transaction(engine, place, writes=True) as connection:
            connection.execute(text(statement))

    yield run
    engine.dispose()


def test_what_is_added_is_counted_and_replaces_nothing(archive, look):
    before = look()
    archive.store(SPACE, images=[new_image(n) for n in (5, 6)])
    after = look()
    assert (before.count, after.count) == (5, 7)
    assert after.version != before.version
    assert after.replaced == before.replaced


def test_what_is_stored_anew_replaces(archive, look):
    before = look()
    archive.store(SPACE, images=[new_image(2)])
    archive.add_vectors(SPACE, [1, 2], np.stack([unit_vector(8), unit_vector(9)]))
    after = look()
    assert after.count == 5
    assert after.version != before.version
    assert after.replaced != before.replaced


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        pytest.param("DELETE FROM embeddings WHERE image_id < 3", 3, id="rows deleted"),
        pytest.param("DELETE FROM images WHERE id = 4", 4, id="images deleted, embeddings by cascade"),
        pytest.param("DELETE FROM embeddings", 0, id="all deleted"),
        pytest.param("UPDATE embeddings SET vector = vector WHERE image_id = 2", 5, id="changed in place"),
    ],
)
def test_a_change_behind_the_program_is_noted(archive, look, change, statement, left):
    assert archive.matrix(SPACE).ids.tolist() == [1, 2, 3, 4, 5]
    before = look()
    change(statement)
    after = look()
    assert after.count == left
    assert after.version != before.version
    assert after.replaced != before.replaced


def test_a_vector_that_is_moved_to_another_space_changes_both(archive, look, change, location):
    if str(location).startswith("postgresql"):
        change("DELETE FROM halves")  # they hold a vector in its space
    before = look()
    change(f"UPDATE embeddings SET image_fingerprint = 'third' WHERE image_fingerprint = '{SPACE}'")
    assert (look().count, look().replaced == before.replaced) == (0, False)
    change(f"UPDATE embeddings SET image_fingerprint = '{SPACE}' WHERE image_fingerprint = 'third'")
    assert look().count == 5


def test_a_change_of_one_space_leaves_the_others_as_they_were(archive, look, change):
    before = look()
    change("DELETE FROM embeddings WHERE image_fingerprint = 'other'")
    assert look() == before
    assert [(space.image_fingerprint, space.count) for space in archive.spaces()] == [(SPACE, 5)]


def test_a_table_that_is_emptied_at_once_is_noted(archive, look, change, location):
    if not str(location).startswith("postgresql"):
        pytest.skip("SQLite has no TRUNCATE")
    before = look()
    change("TRUNCATE embeddings CASCADE")
    assert (look().count, look().version == before.version) == (0, False)


def test_a_copy_looks_like_its_source(archive, location, tmp_path):
    archive.store(SPACE, images=[new_image(2)])
    copy_archive(location, tmp_path / "copy")
    place = locate(tmp_path / "copy")
    engine = connect(place)
    with transaction(engine, place) as connection:
        stamp, count = reading.stamp(connection, SPACE)
    engine.dispose()
    assert (stamp, count) == (archive.matrix(SPACE).stamp, 5)
