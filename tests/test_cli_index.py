"""`medneg index` and `medneg search --index`."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from medneg import cli, encoders
from medneg.archive import Archive, indexes
from medneg.archive.indexes import IndexKind, IndexState
from medneg.archive.indexes.scanning import ScanIndex
from medneg.errors import ArchiveError, UnknownName
from tests.archive.new_images import SPACE, new_image
from tests.fake_encoder import FakeEncoder

runner = CliRunner()


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive of three images, on a machine where only one kind beside the scan can be built."""
    tower = FakeEncoder()
    monkeypatch.setattr(encoders, "load", lambda *names: tower)
    monkeypatch.delenv(indexes.VARIABLE, raising=False)
    built = []

    def state(source):
        return IndexState(name="tree", ready=bool(built), count=3 * len(built), note="a toy")

    def build(source, progress):
        progress(3, 3)
        built.append(source)

    tree = IndexKind(name="tree", open=ScanIndex, state=state, build=build, drop=lambda source: built.clear())
    monkeypatch.setattr(indexes, "KINDS", {"scan": indexes.KINDS["scan"], "tree": tree})
    with Archive.open(tmp_path / "a", create=True) as store:
        store.register(tower.card)
        store.store(SPACE, images=[new_image(number) for number in range(3)])
    return str(tmp_path / "a")


def run(*command):
    done = runner.invoke(cli.app, [*command])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_the_list_says_what_is_ready_and_what_a_search_takes(archive):
    shown = run("index", "list", "--archive", archive)
    assert "tree" in shown
    assert "auto takes scan: exact, and its matrix has room" in shown
    told = json.loads(run("index", "list", "--archive", archive, "--json"))
    assert told["auto"] == {"name": "scan", "reason": "exact, and its matrix has room"}
    assert [(each["name"], each["ready"]) for each in told["indexes"]] == [("scan", True), ("tree", False)]


def test_an_index_is_built_and_dropped(archive):
    assert run("index", "build", "tree", "--archive", archive) == "tree: 3 images; a toy\n"
    again = json.loads(run("index", "build", "tree", "--archive", archive, "--json"))
    assert again == {"name": "tree", "ready": True, "count": 6, "note": "a toy"}
    assert run("index", "drop", "tree", "--archive", archive) == "tree is dropped.\n"
    assert "✓ │ tree" not in run("index", "list", "--archive", archive)


def test_the_scan_is_a_part_of_the_archive_whose_matrix_can_be_made_ahead(archive):
    assert "brings its matrix up to date" in run("index", "list", "--archive", archive, "--json")
    assert (
        run("index", "build", "scan", "--archive", archive) == "scan: 3 images; exact, with a certificate\n"
    )
    with pytest.raises(ArchiveError, match="cannot be dropped"):
        run("index", "drop", "scan", "--archive", archive)


def test_a_space_is_named_by_an_encoder_that_made_it_or_shares_its_tower(archive):
    name = FakeEncoder().card.name
    for encoder in (name, "phantom"):
        told = run("index", "list", "--archive", archive, "--encoder", encoder, "--json")
        assert json.loads(told)["indexes"][0]["count"] == 3


def test_a_search_takes_the_index_that_it_is_told(archive):
    def found(*options):
        return json.loads(run("search", "effusion", "--archive", archive, "--json", *options))

    assert found()["index"].startswith("scan of float16 rows on ")
    assert found("--index", "tree")["hits"] == found()["hits"]
    with pytest.raises(UnknownName, match=r"unknown index 'bush'; choose one of: auto, scan, tree"):
        found("--index", "bush")
    shown = run("search", "effusion", "--archive", archive)
    assert "found by: scan of float16 rows on" in shown


def test_the_indexes_are_known_without_their_libraries():
    code = (
        "import sys, medneg.search, medneg.archive.indexes; "
        "print(sorted({'torch', 'faiss', 'qdrant_client', 'psycopg'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
