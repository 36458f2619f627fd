"""Which index "auto" stands for: a table of facts, and what the environment and a failing index change."""

import psutil
import pytest

from medneg.archive import Archive, indexes
from medneg.archive.filters import Where
from medneg.archive.indexes import Choice, Indexes, IndexKind, IndexState, choosing
from medneg.archive.indexes.choosing import Facts, choose
from medneg.archive.indexes.scanning import SCAN, ScanIndex
from medneg.archive.matrix_file import FILE_NAME
from medneg.errors import ArchiveError, UnknownName
from medneg.values import Linear, Plan, Space, Term
from tests.archive.new_images import SPACE, WIDTH, new_image, unit_vector
from tests.fake_encoder import FakeEncoder

GIB = 1 << 30
MILLION = 1_000_000


def facts(rows, *, memory=64 * GIB, gpu=0, fetched=0):
    return Facts(rows=rows, width=512, memory=memory, gpu=gpu, fetched=fetched)


@pytest.mark.parametrize(
    ("known", "ready", "name", "reason"),
    [
        (facts(0), ("scan",), "scan", "exact"),
        (facts(MILLION), ("scan", "pgvector", "faiss", "qdrant"), "scan", "exact"),
        (facts(2 * MILLION), ("scan", "faiss"), "scan", "exact"),
        (facts(2 * MILLION + 1), ("scan", "faiss"), "faiss", "2,000,001 rows are more than the 2,000,000"),
        (facts(2 * MILLION + 1), ("scan",), "scan", "no other index is ready, though 2,000,001 rows"),
        (facts(50 * MILLION, gpu=130 * GIB, memory=128 * GIB), ("scan", "faiss"), "scan", "exact"),
        (facts(50 * MILLION, gpu=90 * GIB, memory=128 * GIB), ("scan", "faiss"), "faiss", "without a GPU"),
        (
            facts(MILLION, memory=1 * GIB),
            ("scan", "faiss"),
            "faiss",
            "1.0 GiB take more than half of the 1.0",
        ),
        (facts(MILLION, memory=1 * GIB, gpu=80 * GIB), ("scan", "qdrant"), "qdrant", "more than half"),
        (facts(MILLION, memory=2 * GIB), ("scan", "faiss"), "scan", "exact"),
        (facts(3 * MILLION), ("scan", "qdrant", "faiss", "pgvector"), "pgvector", "and pgvector is ready"),
        (facts(3 * MILLION), ("scan", "qdrant", "faiss"), "faiss", "and faiss is ready"),
        (facts(3 * MILLION), ("scan", "qdrant", "pgvector-exact"), "qdrant", "and qdrant is ready"),
        (facts(3 * MILLION), ("scan", "pgvector-exact"), "pgvector-exact", "no approximate index is ready"),
        (facts(MILLION, fetched=3 * GIB), ("scan", "pgvector"), "pgvector", "3.0 GiB would first be fetched"),
        (facts(MILLION, fetched=3 * GIB), ("scan", "pgvector-exact"), "pgvector-exact", "fetched"),
        (facts(MILLION, fetched=2 * GIB), ("scan", "pgvector"), "scan", "exact"),
    ],
)
def test_the_exact_scan_while_it_is_quick_and_has_room_and_then_what_is_ready(known, ready, name, reason):
    choice = choose(known, lambda: ready)
    assert choice.name == name
    assert reason in choice.reason


def test_nobody_asks_what_is_ready_while_the_scan_suits():
    assert choose(facts(MILLION), lambda: pytest.fail("asked")).name == "scan"


@pytest.fixture
def crowded(monkeypatch):
    """A machine without memory, and a kind of index that counts what it is asked and may be away."""

    class Away:
        opened, asked, away = 0, 0, False

        def open(self, source):
            self.opened += 1
            if self.away:
                raise ArchiveError("it went away")
            return ScanIndex(source)

        def state(self, source):
            self.asked += 1
            return IndexState(name="faiss", ready=not self.away, count=0, note="")

    kind = Away()
    monkeypatch.delenv(indexes.VARIABLE, raising=False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": -1}))
    kinds = {"scan": SCAN, "faiss": IndexKind(name="faiss", open=kind.open, state=kind.state)}
    for name, value in kinds.items():
        monkeypatch.setitem(indexes.KINDS, name, value)
    return kind


def test_a_choice_stands_for_some_seconds_and_is_made_anew_after_a_build(location, crowded, monkeypatch):
    with Archive.open(location, create=True) as archive:
        for _ in range(3):
            assert archive.indexes(SPACE).choice().name == "faiss"
        assert crowded.asked == 1
        monkeypatch.setitem(
            indexes.KINDS,
            "faiss",
            IndexKind(name="faiss", open=crowded.open, state=crowded.state, build=lambda *given: None),
        )
        archive.indexes(SPACE).build("faiss")
        assert archive.indexes(SPACE).choice().name == "faiss"
        assert crowded.asked == 3  # the build says what it built


def test_an_index_that_went_away_is_replaced_unless_it_was_asked_for(location, crowded, monkeypatch):
    with Archive.open(location, create=True) as archive:
        spaces: Indexes = archive.indexes(SPACE)
        assert spaces.choice().name == "faiss"
        crowded.away = True
        assert isinstance(spaces.open(), ScanIndex)
        assert spaces.choice().name == "scan"
        with pytest.raises(ArchiveError, match="it went away"):
            spaces.open("faiss")
        monkeypatch.setenv("MEDNEG_INDEX", "faiss")
        with pytest.raises(ArchiveError, match="it went away"):
            spaces.open()


def test_the_environment_says_what_auto_stands_for(location, monkeypatch):
    with Archive.open(location, create=True) as archive:
        spaces = archive.indexes(SPACE)
        monkeypatch.setenv("MEDNEG_INDEX", "scan")
        assert spaces.choice() == Choice(name="scan", reason="MEDNEG_INDEX says so")
        monkeypatch.setenv("MEDNEG_INDEX", "tree")
        with pytest.raises(
            UnknownName, match=r"unknown index in MEDNEG_INDEX 'tree'; choose one of: auto, scan"
        ):
            spaces.open()
        monkeypatch.setenv("MEDNEG_INDEX", "auto")
        assert spaces.choice().name == "scan"


def test_the_state_of_the_scan_leaves_its_matrix_alone(location):
    with Archive.open(location, create=True) as archive:
        archive.register(FakeEncoder().card)
        archive.store(SPACE, images=[new_image(number) for number in range(3)])
        spaces = archive.indexes(SPACE)
        state = next(each for each in spaces.states() if each.name == "scan")
        assert (state.ready, state.count) == (True, 3)
        assert "the next scan first brings its matrix up to date" in state.note
        assert len(archive.matrix(SPACE)) == 3
        state = next(each for each in spaces.states() if each.name == "scan")
        assert state.note == "exact, with a certificate"


def test_rows_that_lie_on_a_server_count_until_their_matrix_is_here(location, monkeypatch):
    monkeypatch.setattr(choosing, "MOST_FETCHED", 100)
    asked = []
    monkeypatch.setattr(
        choosing, "choose", lambda facts, ready: asked.append(facts) or Choice(name="scan", reason="")
    )
    with Archive.open(location, create=True) as archive:
        archive.register(FakeEncoder().card)
        archive.store(SPACE, images=[new_image(number) for number in range(3)])
        spaces = archive.indexes(SPACE)
        spaces.choice()
        archive.matrix(SPACE)
        choosing.forget(archive)
        spaces.choice()
    there = 3 * WIDTH * 4 if "://" in str(location) else 0
    assert [(each.rows, each.width, each.fetched) for each in asked] == [(3, WIDTH, there), (3, WIDTH, 0)]


def test_a_search_of_a_server_makes_no_matrix_while_the_server_finds_by_itself(location, monkeypatch):
    if "://" not in str(location):
        pytest.skip("the rows of a folder are here already")
    monkeypatch.setattr(choosing, "MOST_FETCHED", 0)
    monkeypatch.delenv(indexes.VARIABLE, raising=False)
    wanted = Term(direction=unit_vector(7), response=Linear(weight=1.0), label="")
    plan = Plan(terms=(wanted,), space=Space(image_fingerprint=SPACE))
    with Archive.open(location, create=True) as archive:
        archive.register(FakeEncoder().card)
        archive.store(SPACE, images=[new_image(number) for number in range(20)])
        spaces = archive.indexes(SPACE)
        ways = []
        for name in ("pgvector-exact", "pgvector"):
            assert spaces.choice().name == name
            found = spaces.open().search(plan, 3, where=Where())
            ways.append((found.how, found.ranking.ids.tolist()))
            if name == "pgvector-exact":
                spaces.build("pgvector")
        folder = archive._matrices.folder(SPACE)
        assert not (folder / FILE_NAME).exists()
        found = spaces.open("scan").search(plan, 3, where=Where())
        assert [ids for _, ids in ways] == [found.ranking.ids.tolist()] * 2
        choosing.forget(archive)
        assert spaces.choice().name == "scan"  # now that its matrix is here


def test_an_index_without_parts_of_its_own_is_neither_built_nor_dropped(tmp_path):
    with Archive.open(tmp_path / "archive", create=True) as archive:
        spaces = archive.indexes(SPACE)
        with pytest.raises(ArchiveError, match="the index pgvector-exact needs no building"):
            spaces.build("pgvector-exact")
        with pytest.raises(ArchiveError, match="the index pgvector-exact is a part of the archive"):
            spaces.drop("pgvector-exact")
