"""A database that goes away is told as such, and the next question gets a connection that works."""

from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, text

from medneg.archive import Archive
from medneg.archive.engines import connect, transaction
from medneg.archive.places import locate
from medneg.errors import ArchiveError, ArchiveUnavailable

END_THE_OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture
def place(postgresql):
    return locate(postgresql)


@pytest.fixture
def engine(place):
    made = connect(place)
    yield made
    made.dispose()


def _end_sessions(place):
    """What a restart does to everybody who is connected."""
    other = create_engine(place.url)
    with other.connect() as connection:
        connection.execute(text(END_THE_OTHERS))
    other.dispose()


def test_a_restart_between_two_questions_is_not_noticed(engine, place):
    for _ in range(3):
        with transaction(engine, place) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        _end_sessions(place)


def _ask_and_be_cut_off(engine, place, writes, again):
    with transaction(engine, place, writes=writes) as connection:
        connection.execute(text("SELECT 1"))
        _end_sessions(place)
        if again:
            connection.execute(text("SELECT 1"))


@pytest.mark.parametrize(("writes", "again"), [(False, True), (True, True), (True, False)])
def test_a_restart_in_the_middle_of_a_question_is_told_and_the_next_one_is_answered(
    engine, place, writes, again
):
    for _ in range(2):
        with pytest.raises(ArchiveUnavailable, match="cannot be used: "):
            _ask_and_be_cut_off(engine, place, writes, again)
    assert engine.pool.checkedout() == 0
    with transaction(engine, place) as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1


def test_a_server_that_does_not_run_is_unavailable():
    with pytest.raises(ArchiveUnavailable, match="cannot be used: ") as told:
        Archive.open("postgresql+psycopg://anna:geheim@127.0.0.1:1/none")
    assert "geheim" not in str(told.value)


def _take_all(engine, place, held):
    while True:
        held.enter_context(transaction(engine, place))


def test_too_many_at_once_are_told_to_try_again(place, monkeypatch):
    monkeypatch.setattr("medneg.archive.engines.POOL_SECONDS", 0.01)
    engine = connect(place)
    with ExitStack() as held, pytest.raises(ArchiveUnavailable, match="asked by too many at once; try again"):
        _take_all(engine, place, held)
    engine.dispose()


def test_a_locked_file_is_unavailable_and_a_damaged_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("medneg.archive.engines.BUSY_SECONDS", 0)
    with Archive.open(tmp_path / "archive", create=True) as archive:
        archive.ping()
        other = create_engine(f"sqlite:///{tmp_path}/archive/archive.db")
        with other.connect() as connection:
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            with pytest.raises(ArchiveUnavailable, match="database is locked"):
                archive.record_search("mass", method="cosine", encoder="fake", k=1, considered=0)
        other.dispose()
    (tmp_path / "archive" / "archive.db").write_text("no database " * 100)
    with pytest.raises(ArchiveError, match="no database") as told:
        Archive.open(tmp_path / "archive")
    assert not isinstance(told.value, ArchiveUnavailable)
