"""What an answer says of itself: exact over so many images, or approximate, wherever it is shown."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from typer.testing import CliRunner

from app.search_view import promise
from medneg import cli, encoders
from medneg.archive import Archive
from medneg.search import search
from tests.fake_encoder import FakeEncoder

WORDS = "effusion but no pneumothorax"

runner = CliRunner()


def run(*words):
    done = runner.invoke(cli.app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def archive(tmp_path, monkeypatch):
    tower = FakeEncoder()
    monkeypatch.setattr(encoders, "load", lambda *names: tower)
    run("phantom", tmp_path / "p", "--studies", 3, "--rows", 64, "--workers", 0)
    run("ingest", tmp_path / "p", "--archive", tmp_path / "a", "--workers", 0)
    return tmp_path / "a"


def shown(archive):
    """What JSON, terminal and page say of the same search."""
    answer = json.loads(run("search", WORDS, "--archive", archive, "--json"))
    with Archive.open(archive) as store:
        page = promise(search(store, WORDS, FakeEncoder()))
    terminal = " ".join(run("search", WORDS, "--archive", archive).split())
    return answer["exact"], answer["considered"], terminal, page


def test_an_answer_says_exact_unless_the_vectors_are_not_those_of_the_scan_matrix(archive, monkeypatch):
    exact, count, terminal, page = shown(archive)
    assert exact is True
    assert count >= 3
    assert f"exact over {count} images" in terminal
    assert f"✓ exact over {count} images" in page
    fetch = Archive.vectors
    monkeypatch.setattr(Archive, "vectors", lambda *asked: np.roll(fetch(*asked), 1, axis=0))
    exact, count, terminal, page = shown(archive)
    assert exact is False
    assert f"approximate over {count} images" in terminal
    assert f"≈ approximate over {count} images" in page


def test_vectors_that_change_behind_the_scan_matrix_are_noticed(archive):
    before = json.loads(run("search", WORDS, "--archive", archive, "--json"))
    with closing(sqlite3.connect(archive / "archive.db")) as database, database:
        rows = database.execute("SELECT id, vector FROM embeddings").fetchall()
        moved = [(vector, row) for (row, _), (_, vector) in zip(rows, rows[1:] + rows[:1], strict=True)]
        database.executemany("UPDATE embeddings SET vector = ? WHERE id = ?", moved)
    after = json.loads(run("search", WORDS, "--archive", archive, "--json"))
    assert after["exact"] is True
    scores = [[hit["score"] for hit in answer["hits"]] for answer in (before, after)]
    assert scores[0] == scores[1]
    assert [hit["image"] for hit in after["hits"]] != [hit["image"] for hit in before["hits"]]
