"""When a scan matrix is written anew, and how much of it."""

import numpy as np
import pytest
from typer.testing import CliRunner

from medneg import cli, encoders
from medneg.archive import Archive, reading
from medneg.cli import searching
from tests.archive.new_images import SPACE, new_image, unit_vector
from tests.fake_encoder import FakeEncoder


@pytest.fixture
def archive(location):
    with Archive.open(location, create=True) as archive:
        archive.register(FakeEncoder().card)
        archive.store(SPACE, images=[new_image(n) for n in range(6)])
        archive.matrix(SPACE)
        yield archive


@pytest.fixture
def written(monkeypatch):
    """How many rows every reading of vectors brought."""
    counts, read = [], reading.vector_blocks

    def blocks(*given, **options):
        counts.append(0)
        for block in read(*given, **options):
            counts[-1] += len(block)
            yield block

    monkeypatch.setattr(reading, "vector_blocks", blocks)
    return counts


def check(archive):
    """The matrix is what the archive holds."""
    matrix = archive.matrix(SPACE)
    truth = archive.vectors(SPACE, matrix.ids.tolist())
    np.testing.assert_array_equal(matrix.vectors, truth.astype(np.float16))
    np.testing.assert_allclose(matrix.mean, truth.mean(axis=0), atol=1e-7)
    assert matrix.ids.tolist() == sorted(matrix.ids.tolist())
    return matrix


def test_a_space_that_did_not_change_is_read_no_more(archive, written):
    first = archive.matrix(SPACE)
    archive.store("other", images=[new_image(n) for n in range(3)])
    archive.record_search("effusion", method="drc", encoder="fake", k=1, considered=6)
    assert archive.matrix(SPACE) is first
    assert written == []


def test_of_a_space_that_grew_only_the_new_vectors_are_read(archive, written):
    archive.store(SPACE, images=[new_image(n) for n in range(6, 9)])
    assert len(check(archive)) == 9
    assert written == [3]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda archive: archive.store(SPACE, images=[new_image(2)]), id="stored anew"),
        pytest.param(
            lambda archive: archive.add_vectors(SPACE, [1], unit_vector(9)[None]), id="a vector replaced"
        ),
        pytest.param(
            lambda archive: archive.store(SPACE, images=[new_image(2, content="another")]),
            id="a file changed",
        ),
    ],
)
def test_of_a_space_that_lost_a_vector_all_are_read(archive, written, change):
    archive.store(SPACE, images=[new_image(6)])
    change(archive)
    assert written == []
    assert len(check(archive)) == 7
    assert written == [7]


def test_vectors_that_come_between_those_that_are_here_are_put_in_their_place(archive, written):
    archive.store("other", images=[new_image(n, name=f"other{n}.dcm") for n in range(6, 9)])
    archive.store(SPACE, images=[new_image(9)])
    archive.matrix(SPACE)
    archive.add_vectors(SPACE, [8], unit_vector(8)[None])
    assert check(archive).ids.tolist() == [1, 2, 3, 4, 5, 6, 8, 10]
    assert written == [1, 8]


def test_another_process_finds_the_matrix_that_one_has_written(archive, location, written):
    with Archive.open(location) as other:
        assert len(other.matrix(SPACE)) == 6
    assert written == []


def test_writing_a_matrix_tells_how_far_it_is(archive):
    told = []
    archive.store(SPACE, images=[new_image(n) for n in range(6, 9)])
    archive.matrix(SPACE, lambda done, total: told.append((done, total)))
    archive.matrix(SPACE, lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (3, 3)]


def test_the_command_tells_of_a_scan_matrix_that_takes_long_to_write(tmp_path, monkeypatch):
    monkeypatch.setattr(encoders, "load", lambda *names: FakeEncoder())
    with Archive.open(tmp_path / "a", create=True) as archive:
        archive.register(FakeEncoder().card)
        archive.store(SPACE, images=[new_image(n) for n in range(6)])

    def ask():
        done = CliRunner().invoke(cli.app, ["search", "effusion", "--archive", str(tmp_path / "a")])
        assert done.exit_code == 0, done.output
        return done.output

    assert "Preparing the scan" not in ask()
    monkeypatch.setattr(searching, "_WORTH_A_BAR", 3)
    assert "Preparing the scan" not in ask()
    with Archive.open(tmp_path / "a") as archive:
        archive.store(SPACE, images=[new_image(n) for n in range(6, 9)])
    assert "Preparing the scan" in ask()
