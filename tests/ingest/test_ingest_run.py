import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from medneg.archive import Archive
from medneg.errors import ManifestError, UnreadableImage
from medneg.ingest import Rejection, ingest
from tests.fake_encoder import FakeEncoder
from tests.ingest.quick_reader import read_quickly

SPACE = FakeEncoder().card.image_fingerprint


def draw(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(grey).save(path, "PNG")


def shown(archive):
    """File names of all images, in the order of their ids."""
    return [os.path.basename(row.path) for row in archive.images(archive.matrix(SPACE).ids)]


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "archive", create=True) as archive:
        yield archive


@pytest.fixture(autouse=True)
def _without_monai(monkeypatch, pytestconfig):
    monkeypatch.syspath_prepend(pytestconfig.rootpath)
    monkeypatch.setattr("medneg.ingest.runners.read_file", read_quickly)
    monkeypatch.setattr("medneg.ingest.runners.warm_up", None)
    monkeypatch.setattr("medneg.ingest.runners.SLOW_IMPORTS", ())


@pytest.fixture
def films(tmp_path):
    """Forty pictures, one file that is none, and what lies beside them."""
    for number in range(40):
        draw(tmp_path / "films" / f"{number % 3}" / f"{number:02}.png", number)
    (tmp_path / "films" / "noise").write_bytes(b"noise")
    (tmp_path / "films" / "README.md").write_text("words")
    (tmp_path / "films" / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "films" / ".hidden").write_bytes(b"noise")
    return tmp_path / "films"


def test_every_file_is_searchable_or_set_aside_and_a_second_run_does_nothing(archive, films):
    encoder, seen = FakeEncoder(), []
    report = ingest([films], archive, encoder, workers=0, progress=lambda *now: seen.append(now))
    noise = Rejection(file=str(films / "noise"), reason="it is no picture")
    assert (report.indexed, report.unchanged, report.rejected) == (40, 0, (noise,))
    assert seen == [(done, 41) for done in range(1, 42)]
    again = ingest([films], archive, encoder, workers=2)
    assert (again.indexed, again.unchanged, again.rejected) == (0, 40, (noise,))
    assert encoder.images_seen == 40
    assert archive.problems() == ()
    assert len(shown(archive)) == 40


def test_ids_follow_the_order_of_the_paths_whatever_the_workers(archive, films):
    assert ingest([films], archive, FakeEncoder(), workers=2).indexed == 40
    assert shown(archive) == [f"{number:02}.png" for start in range(3) for number in range(start, 40, 3)]


def test_only_what_changed_is_read_again(archive, films):
    encoder = FakeEncoder()
    ingest([films], archive, encoder, workers=0)
    draw(films / "0" / "00.png", 1000)
    os.utime(films / "1" / "01.png", ns=(1, 1))
    draw(films / "new.png", 1001)
    report = ingest([films], archive, encoder, workers=0)
    assert (report.indexed, report.unchanged) == (2, 39)
    assert encoder.images_seen == 42
    assert archive.counts().images == 41


def test_a_copy_costs_no_encoding_and_a_moved_file_keeps_its_id(archive, films):
    encoder = FakeEncoder()
    ingest([films], archive, encoder, workers=0)
    before = shown(archive)
    shutil.copy(films / "0" / "00.png", films / "copy.png")
    (films / "1" / "01.png").rename(films / "moved.png")
    report = ingest([films], archive, encoder, workers=0)
    assert (report.indexed, report.unchanged, encoder.images_seen) == (2, 38 + 1, 40)
    assert shown(archive) == [{"01.png": "moved.png"}.get(name, name) for name in before] + ["copy.png"]
    assert archive.problems() == ()


def test_two_files_that_swap_their_names_are_both_still_there(archive, tmp_path):
    films = tmp_path / "pair"
    draw(films / "a.png", 1)
    draw(films / "b.png", 2)
    ingest([films], archive, FakeEncoder(), workers=0)
    before = archive.vectors(SPACE, archive.matrix(SPACE).ids)
    (films / "a.png").rename(films / "c")
    (films / "b.png").rename(films / "a.png")
    (films / "c").rename(films / "b.png")
    ingest([films], archive, FakeEncoder(), workers=0)
    rows = {os.path.basename(row.path): row.id for row in archive.images(archive.matrix(SPACE).ids)}
    after = archive.vectors(SPACE, [rows["b.png"], rows["a.png"]])
    np.testing.assert_array_equal(before, after)


def test_a_file_that_replaces_another_whose_content_moved_on(archive, tmp_path):
    films = tmp_path / "chain"
    draw(films / "a.png", 1)
    ingest([films], archive, FakeEncoder(), workers=0)
    (films / "a.png").rename(films / "b.png")
    draw(films / "a.png", 2)
    report = ingest([films], archive, FakeEncoder(), workers=0)
    assert (report.indexed, report.unchanged, report.rejected) == (2, 0, ())
    assert shown(archive) == ["a.png", "b.png"] or shown(archive) == ["b.png", "a.png"]


def test_a_new_encoder_embeds_what_the_archive_holds(archive, films, tmp_path):
    ingest([films], archive, FakeEncoder(), workers=0)
    second = FakeEncoder(name="second")
    report = ingest([], archive, second, workers=0)
    assert (report.indexed, second.images_seen) == (40, 40)
    assert [space.count for space in archive.spaces()] == [40, 40]
    assert archive.counts().images == 40
    assert archive.problems() == ()


def test_a_file_that_kills_its_reader_is_set_aside_and_the_rest_goes_on(archive, films):
    draw(films / "crash.png", 7)
    report = ingest([films], archive, FakeEncoder(), workers=1)
    assert report.indexed == 40
    assert [(os.path.basename(one.file), one.reason) for one in report.rejected] == [
        ("crash.png", "reading it crashed (SIGABRT)"),
        ("noise", "it is no picture"),
    ]
    again = ingest([films], archive, FakeEncoder(), workers=0)
    assert again.rejected == report.rejected


def test_another_version_tries_again_what_was_set_aside(archive, films, monkeypatch):
    ingest([films], archive, FakeEncoder(), workers=0)
    (known,) = archive.known_files([str(films / "noise")], SPACE).values()
    monkeypatch.setattr("medneg.ingest.running.__version__", known.version + ".1")
    draw(films / "x.png", 5)
    (films / "x.png").replace(films / "noise")
    os.utime(films / "noise", ns=(known.mtime_ns, known.mtime_ns))
    assert ingest([films], archive, FakeEncoder(), workers=0).rejected == ()


def test_links_are_followed_and_loops_are_not(archive, tmp_path):
    draw(tmp_path / "elsewhere" / "b.png", 1)
    draw(tmp_path / "films" / "a.png", 2)
    (tmp_path / "films" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "films" / "loop").symlink_to(tmp_path / "films")
    report = ingest([tmp_path / "films", tmp_path / "films" / "a.png"], archive, FakeEncoder(), workers=0)
    assert (report.indexed, shown(archive)) == (2, ["a.png", "b.png"])


def test_a_name_that_is_no_text_is_set_aside(archive, tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    try:
        (folder / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system keeps Unicode names only")
    (rejection,) = ingest([folder], archive, FakeEncoder(), workers=0).rejected
    assert rejection.reason == "its name is not Unicode; rename it"
    assert rejection.file.endswith("\\xff.png")


def test_a_path_that_does_not_exist_is_an_error(archive, tmp_path):
    with pytest.raises(UnreadableImage, match=r"there is no file or folder .*nowhere"):
        ingest([tmp_path / "nowhere"], archive, FakeEncoder())
    with pytest.raises(ManifestError, match=r"there is no table .*nowhere"):
        ingest([tmp_path], archive, FakeEncoder(), manifests=[tmp_path / "nowhere"])


def test_the_json_of_a_report_is_what_scripts_rely_on(archive, films):
    printed = json.loads(json.dumps(ingest([films], archive, FakeEncoder(), workers=0).to_json()))
    noise = {"file": str(films / "noise"), "reason": "it is no picture"}
    spent = printed.pop("seconds")
    assert printed == {"indexed": 40, "unchanged": 0, "rejected": [noise]}
    assert list(spent) == ["whole", "decoding", "encoding", "storing"]
    assert all(seconds >= 0 for seconds in spent.values())
    assert sum(spent.values()) <= 2 * spent["whole"] + 0.002


def test_labels_beside_the_images_are_found_and_those_named_have_the_last_word(archive, films, tmp_path):
    (films / "labels.csv").write_text("file,pneumothorax,view,sex\n0/00.png,1,PA,F\n1/01.png,0,PA,F\n")
    report = ingest([films], archive, FakeEncoder(), workers=0)
    assert (report.labelled, report.warnings) == (2, ())
    other = tmp_path / "other.csv"
    other.write_text("file,findings\nfilms/0/00.png,Pneumothorax;Purple spots\n")
    report = ingest([films], archive, FakeEncoder(), workers=0, manifests=[other])
    assert report.warnings == (
        f"{other}: the label 'Purple spots' (1 lines) names nothing in the lexicon; left out",
    )
    rows = {os.path.basename(row.path): row for row in archive.images(archive.matrix(SPACE).ids)}
    first, second = rows["00.png"], rows["01.png"]
    assert (first.view, first.sex) == ("PA", "F")
    assert archive.findings([first.id, second.id], "manifest") == {
        first.id: {"pneumothorax": "present"}, second.id: {"pneumothorax": "absent"}
    }  # fmt: skip


def test_a_table_that_names_no_file_is_told(archive, films, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,pneumothorax\nelsewhere/00.png,1\n")
    report = ingest([films], archive, FakeEncoder(), workers=0, manifests=[table])
    assert report.warnings == (f"{table} names none of the files that were found",)


def test_a_bad_table_stops_the_ingest_before_anything_is_read(archive, films):
    (films / "labels.csv").write_text("file,pneumothorax\n0/00.png,perhaps\n")
    with pytest.raises(ManifestError, match=r"labels.csv, line 2: pneumothorax must be 1, 0, -1 "):
        ingest([films], archive, FakeEncoder(), workers=0)
    assert archive.counts().images == 0
