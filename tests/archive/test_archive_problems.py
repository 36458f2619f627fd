import pytest
from sqlalchemy import create_engine, text

from medneg.archive import Archive
from tests.archive.new_images import SPACE, new_image
from tests.fake_encoder import FakeEncoder


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "archive", create=True) as archive:
        archive.register(FakeEncoder().card)
        film = tmp_path / "film.dcm"
        film.touch()
        archive.store(SPACE, images=[new_image(0, name=str(film))])
        yield archive


def _execute(tmp_path, statement):
    engine = create_engine(f"sqlite:///{tmp_path}/archive/archive.db")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_a_sound_archive_has_no_problems(archive):
    archive.matrix(SPACE)
    assert archive.problems() == ()


def test_a_stale_matrix_is_told_and_mended_by_the_next_search(archive):
    assert archive.problems() == ("the scan matrix of fake is stale; the next search rebuilds it",)
    archive.matrix(SPACE)
    assert archive.problems() == ()


def test_files_that_are_gone_are_counted(archive, tmp_path):
    archive.matrix(SPACE)
    (tmp_path / "film.dcm").unlink()
    (problem,) = archive.problems()
    assert problem.startswith("1 file no longer where it was indexed, the first ")


def test_images_without_an_embedding_are_counted(archive):
    archive.matrix(SPACE)
    archive.register(FakeEncoder(name="second").card)
    assert archive.problems() == ("1 image without an embedding of second",)


def test_rows_that_lost_their_kin_are_counted(archive, tmp_path):
    archive.matrix(SPACE)
    _execute(tmp_path, "DELETE FROM thumbnails")
    _execute(tmp_path, "INSERT INTO patients (pseudonym) VALUES ('x'), ('y')")
    assert archive.problems() == ("2 patients without a study", "1 image without a thumbnail")
    _execute(tmp_path, "DELETE FROM studies")
    assert "rows of the database point to rows that are not there" in archive.problems()


def test_a_key_that_others_may_read_or_that_is_gone_is_told(archive, tmp_path):
    archive.matrix(SPACE)
    key = tmp_path / "archive" / "pseudonym.key"
    key.chmod(0o644)
    assert archive.problems() == (f"other accounts may read the pseudonym key; run chmod 600 {key}",)
    key.unlink()
    (problem,) = archive.problems()
    assert "has no readable pseudonym key" in problem
