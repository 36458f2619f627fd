"""The FAISS index: what it holds, when it is refused, and that a build goes on where it was stopped.

That its answers are right is the contract of every index (tests/contracts).
"""

import gc
import sys
import threading
import weakref
from unittest.mock import patch

import numpy as np
import pytest

from medneg.archive import Archive, NewRejection
from medneg.archive.filters import Where
from medneg.archive.indexes import faiss_files, faiss_index
from medneg.errors import ArchiveError
from medneg.scoring.plan import score
from medneg.values import Linear, Plan, Repulsion, Space, Term
from tests.archive.new_images import SPACE, WIDTH, new_image, unit_vector
from tests.fake_encoder import FakeEncoder

pytest.importorskip("faiss", reason="faiss-cpu is not installed")
COUNT = 300


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.setattr(faiss_index, "_BLOCK", 64)
    with Archive.open(tmp_path / "archive", create=True) as made:
        made.register(FakeEncoder().card)
        made.store(SPACE, images=[new_image(number) for number in range(COUNT)])
        made.matrix(SPACE)
        yield made


def folder(archive):
    return archive._matrices.folder(SPACE)


def state(archive):
    return next(each for each in archive.indexes(SPACE).states() if each.name == "faiss")


def graph(archive):
    return faiss_files.read(folder(archive), mapped=False)


def toy_plan():
    wanted = Term(direction=unit_vector(9001), response=Linear(weight=1.0), label="wanted")
    unwanted = Term(direction=unit_vector(9002), response=Repulsion(weight=0.7), label="unwanted")
    return Plan(terms=(wanted, unwanted), space=Space(image_fingerprint=SPACE))


def found(archive, k=10):
    return archive.indexes(SPACE).open("faiss").search(toy_plan(), k, where=Where())


def best(archive, k=10):
    ids = archive.matrix(SPACE).ids
    scores = score(toy_plan(), archive.vectors(SPACE, ids.tolist()))
    return ids[np.lexsort((ids, -scores))[:k]].tolist()


def test_what_is_not_built_is_refused_with_what_to_run(archive):
    assert (state(archive).ready, state(archive).count) == (False, 0)
    with pytest.raises(
        ArchiveError, match="it is not built; run `medneg index build faiss --archive ARCHIVE`"
    ):
        found(archive)


def test_a_built_index_finds_the_best_of_a_plan_and_is_opened_once(archive):
    seen = []
    built = archive.indexes(SPACE).build("faiss", lambda done, total: seen.append((done, total)))
    assert (built.ready, built.count, built.note) == (True, COUNT, "approximate, on this machine")
    assert seen == [(min(done, COUNT), COUNT) for done in range(0, COUNT + 64, 64)]
    answer = found(archive)
    assert answer.ranking.ids.tolist() == best(archive)
    assert answer.how == "HNSW graph of FAISS over float16 rows, 400 in view, 64 candidates"


def test_a_graph_is_mapped_once_and_let_go_with_its_archive(archive):
    archive.indexes(SPACE).build("faiss")
    with (
        Archive.open(folder(archive).parents[1]) as again,
        patch.object(faiss_files, "read", wraps=faiss_files.read) as read,
    ):
        for _ in range(3):
            again.indexes(SPACE).open("faiss")
        assert read.call_count == 1
        held = weakref.ref(again)
    del again
    gc.collect()
    assert held() is None


def test_images_that_come_are_added_and_a_stale_index_is_refused(archive):
    archive.indexes(SPACE).build("faiss")
    archive.store(SPACE, images=[new_image(number) for number in range(COUNT, COUNT + 70)])
    assert "older than the archive's embeddings; run `medneg index build faiss" in state(archive).note
    with pytest.raises(ArchiveError, match="cannot be used: it is older than the archive's embeddings"):
        found(archive)
    seen = []
    archive.indexes(SPACE).build("faiss", lambda done, total: seen.append((done, total)))
    matrix_first = [(0, 70), (70, 70)]
    assert seen == [*matrix_first, *((done, COUNT + 70) for done in (COUNT, COUNT + 64, COUNT + 70))]
    assert found(archive).ranking.ids.tolist() == best(archive)


def test_images_that_go_or_change_are_found_no_more(archive):
    archive.indexes(SPACE).build("faiss")
    first = best(archive)[0]
    gone = archive.images([first])[0].path
    archive.store(SPACE, rejected=[NewRejection(path=gone, size=1, mtime_ns=1, reason="broken")])
    changed = new_image(5000, name="7.dcm", content="another picture")
    archive.store(SPACE, images=[changed])
    assert archive.indexes(SPACE).build("faiss").count == COUNT - 1
    assert graph(archive).ntotal == COUNT + 1  # two rows of nobody
    answer = found(archive, k=COUNT)
    assert first not in answer.ranking.ids
    assert answer.ranking.ids.tolist() == best(archive, k=COUNT)
    assert found(archive).ranking.ids.tolist() == best(archive)


def test_a_graph_with_too_many_rows_of_nobody_is_built_anew(archive):
    archive.indexes(SPACE).build("faiss")
    for image in archive.images(archive.matrix(SPACE).ids[:80].tolist()):
        archive.store(SPACE, rejected=[NewRejection(path=image.path, size=1, mtime_ns=1, reason="broken")])
    assert archive.indexes(SPACE).build("faiss").count == COUNT - 80
    assert graph(archive).ntotal == COUNT - 80


def test_a_build_that_was_stopped_goes_on(archive):
    def stop(done, total):
        if done >= 128:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive.indexes(SPACE).build("faiss", stop)
    assert (state(archive).ready, state(archive).count) == (False, 128)
    assert state(archive).note.startswith("its building was stopped; run `medneg index build faiss")
    with pytest.raises(ArchiveError, match="its building was stopped"):
        found(archive)
    seen = []
    archive.indexes(SPACE).build("faiss", lambda done, total: seen.append(done))
    assert seen[:2] == [128, 192]
    assert found(archive).ranking.ids.tolist() == best(archive)


def test_a_long_build_is_saved_on_the_way(archive, monkeypatch):
    monkeypatch.setattr(faiss_index, "_SAVED_EVERY", 150)
    seen = []

    def look(done, total):
        note = faiss_files.read_note(folder(archive))
        seen.append((done, note and note.rows))

    archive.indexes(SPACE).build("faiss", look)
    assert seen[3:6] == [(192, None), (256, 192), (300, 192)]


def test_an_index_stopped_within_a_block_is_not_kept(archive, monkeypatch):
    import faiss

    original = faiss.IndexIDMap.add_with_ids

    def stopped(self, rows, ids):
        if self.ntotal == 128:
            self.index.add(rows)  # the rows are in, their names are not
            raise KeyboardInterrupt
        original(self, rows, ids)

    monkeypatch.setattr(faiss.IndexIDMap, "add_with_ids", stopped)
    with pytest.raises(KeyboardInterrupt):
        archive.indexes(SPACE).build("faiss")
    assert not state(archive).ready
    assert state(archive).note.startswith("it is not built")


@pytest.mark.parametrize("keep", [0, 10, 5000, -9, -1])
def test_a_file_that_is_cut_off_is_no_index(archive, keep):
    archive.indexes(SPACE).build("faiss")
    path = folder(archive) / faiss_files.FILE_NAME
    path.write_bytes(path.read_bytes()[:keep])
    assert not state(archive).ready
    with pytest.raises(ArchiveError, match="it is not built"):
        archive.indexes(SPACE).open("faiss")
    assert archive.indexes(SPACE).build("faiss").ready


def test_a_damaged_file_is_refused_and_built_anew(archive):
    archive.indexes(SPACE).build("faiss")
    path = folder(archive) / faiss_files.FILE_NAME
    path.write_bytes(b"rubbish" + path.read_bytes()[7:])
    with pytest.raises(ArchiveError, match="its file is damaged; run `medneg index build faiss"):
        archive.indexes(SPACE).open("faiss")
    archive.indexes(SPACE).build("faiss")
    assert found(archive).ranking.ids.tolist() == best(archive)


def test_a_search_goes_on_in_the_old_file_while_a_new_one_takes_its_place(archive):
    archive.indexes(SPACE).build("faiss")
    index = archive.indexes(SPACE).open("faiss")
    before = index.search(toy_plan(), 10, where=Where()).ranking.ids.tolist()
    archive.indexes(SPACE).drop("faiss")
    assert not state(archive).ready
    archive.indexes(SPACE).drop("faiss")  # nothing is left to take away
    assert index.search(toy_plan(), 10, where=Where()).ranking.ids.tolist() == before


def test_many_threads_search_one_index(archive):
    archive.indexes(SPACE).build("faiss")
    wanted, got = best(archive), []
    threads = [
        threading.Thread(target=lambda: got.append(found(archive).ranking.ids.tolist())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [wanted] * 4


def test_an_empty_archive_has_nothing_to_build(tmp_path):
    with Archive.open(tmp_path / "empty", create=True) as made:
        made.register(FakeEncoder().card)
        with pytest.raises(ArchiveError, match="nothing to search yet"):
            made.indexes(SPACE).build("faiss")


def test_without_faiss_everything_says_how_to_get_it(archive, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert state(archive).note == "FAISS is not installed; run `pip install medneg[faiss]`"
    for work in (archive.indexes(SPACE).open, archive.indexes(SPACE).build):
        with pytest.raises(ArchiveError, match=r"run `pip install medneg\[faiss\]`"):
            work("faiss")


def test_the_rows_are_those_of_the_matrix(archive):
    archive.indexes(SPACE).build("faiss")
    held = graph(archive)
    kept = held.index.reconstruct_n(0, COUNT)
    assert kept.shape == (COUNT, WIDTH)
    np.testing.assert_array_equal(kept, archive.matrix(SPACE).vectors.astype(np.float32))
