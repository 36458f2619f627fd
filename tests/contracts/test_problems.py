import pytest

from tests.archive.new_images import SPACE, new_image
from tests.fake_encoder import FakeEncoder


@pytest.fixture
def film(tmp_path):
    film = tmp_path / "film.dcm"
    film.touch()
    return film


@pytest.fixture
def sound(archive, film):
    archive.store(SPACE, images=[new_image(0, name=str(film))])
    archive.matrix(SPACE)
    return archive


def test_a_sound_archive_has_no_problems(sound):
    assert sound.problems() == ()


def test_files_that_are_gone_are_counted(sound, film):
    film.unlink()
    (problem,) = sound.problems()
    assert problem == f"1 file no longer where it was indexed, the first {film}"


def test_images_without_an_embedding_are_counted(sound):
    sound.register(FakeEncoder(name="second").card)
    assert sound.problems() == ("1 image without an embedding of second",)
