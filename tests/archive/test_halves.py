import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from medneg.archive import Archive, migrating
from medneg.archive.copying import copy_archive
from medneg.archive.engines import connect, transaction
from medneg.archive.halfvec import HalfVector
from medneg.archive.migrations.versions import r0004_halves
from medneg.archive.places import locate
from medneg.errors import ArchiveError
from tests.archive.new_images import SPACE, new_image, stamp, unit_vector
from tests.archive.old_archives import make_old_archive, some_images

HERE = pytest.mark.parametrize("location", ["postgresql"], indirect=True)


def halves(url):
    """By image and space, what pgvector holds."""
    engine = connect(locate(url))
    with transaction(engine, locate(url)) as connection:
        rows = connection.execute(
            text("SELECT image_id, image_fingerprint, vector::text FROM halves ORDER BY 2, 1")
        ).all()
    engine.dispose()
    return {(row[0], row[1]): np.array(row[2].strip("[]").split(","), np.float16).tolist() for row in rows}


def rounded(seed):
    return unit_vector(seed).astype(np.float16).tolist()


@HERE
def test_every_embedding_is_kept_as_float16_too(location):
    with Archive.open(location, create=True) as archive:
        archive.store(SPACE, images=[new_image(0), new_image(1)])
        archive.store("other", images=[new_image(1)])
        assert archive.add_vectors("codes", [2, 9], np.stack([unit_vector(5), unit_vector(6)])) == 1
    assert halves(location) == {
        (1, SPACE): rounded(0),
        (2, SPACE): rounded(1),
        (2, "other"): rounded(1),
        (2, "codes"): rounded(5),
    }


@HERE
def test_halves_follow_images_that_are_replaced(location):
    with Archive.open(location, create=True) as archive:
        archive.store(SPACE, images=[new_image(0), new_image(1)])
        archive.store(SPACE, images=[new_image(2, name="0.dcm", content="new")])
        assert halves(location) == {(2, SPACE): rounded(1), (3, SPACE): rounded(2)}
        archive.add_vectors(SPACE, [2], unit_vector(7)[None])
        assert halves(location) == {(2, SPACE): rounded(7), (3, SPACE): rounded(2)}


@HERE
def test_a_twin_has_a_half_of_its_own(location, monkeypatch):
    monkeypatch.setattr("os.path.exists", lambda path: True)
    with Archive.open(location, create=True) as archive:
        archive.store(SPACE, images=[new_image(0)])
        archive.store(SPACE, twins=[stamp("twin.dcm", content="0.dcm")])
    assert halves(location) == {(1, SPACE): rounded(0), (2, SPACE): rounded(0)}


@HERE
def test_an_older_archive_gets_its_halves_when_it_is_opened(location, monkeypatch):
    monkeypatch.setattr(r0004_halves, "_BATCH", 3)
    vectors = [unit_vector(n).astype("<f4").tobytes() for n in range(8)]
    make_old_archive(location, "0003", some_images(SPACE, vectors))
    Archive.open(location).close()
    assert halves(location) == {(n + 1, SPACE): rounded(n) for n in range(8)}


@HERE
def test_a_copy_from_a_folder_has_halves(location, tmp_path):
    with Archive.open(tmp_path / "source", create=True) as archive:
        archive.store(SPACE, images=[new_image(n) for n in range(3)])
    counts = copy_archive(tmp_path / "source", location)
    assert "halves" not in counts
    assert halves(location) == {(n + 1, SPACE): rounded(n) for n in range(3)}


@HERE
@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("SELECT NULL", r"has no pgvector.*0\.8\.4 or newer.*open it again"),
        ("SELECT '0.8.3'", r"has pgvector 0\.8\.3.*needs 0\.8\.4 or newer.*ALTER EXTENSION vector UPDATE"),
    ],
)
def test_a_server_without_a_good_pgvector_is_refused_and_left_as_it_is(location, monkeypatch, found, message):
    monkeypatch.setattr(r0004_halves, "_FOUND", found)
    # Alembic loads the revisions anew each time.
    monkeypatch.setattr(migrating, "_scripts", lambda scripts=migrating._scripts: patched(scripts(), found))
    with pytest.raises(ArchiveError, match=message):
        Archive.open(location, create=True)
    with pytest.raises(ArchiveError, match="there is no archive"):
        Archive.open(location)


def patched(scripts, found):
    scripts.get_revision("0004").module._FOUND = found
    return scripts


def test_another_driver_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(PGDialect_psycopg, "driver", "pg9000")
    with pytest.raises(ArchiveError, match=r"needs psycopg, not pg9000: write postgresql\+psycopg://"):
        connect(locate("postgresql://reader@nowhere/films"))


def test_the_binary_form_is_a_length_and_big_endian_halves():
    sent = HalfVector(np.array([1.0, -2.0], np.float16)).to_bytes()
    assert sent == bytes([0, 2, 0, 0, 0x3C, 0, 0xC0, 0])
