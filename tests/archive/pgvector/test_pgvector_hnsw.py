import numpy as np
import pytest
from sqlalchemy import text

from medneg.archive import Where
from medneg.archive.engines import connect, transaction
from medneg.archive.indexes.pgvector import PgvectorIndex, building, hnsw
from medneg.archive.places import locate
from medneg.errors import ArchiveError
from tests.archive.new_images import SPACE
from tests.archive.pgvector.halved import (
    COUNT,
    EVERYTHING,
    OWN,
    PLANS,
    SHARED,
    brute_force,
    filled,
    gallery,
    plan_of,
    run,
    same,
    source,
)


@pytest.fixture(scope="module")
def indexed(shared):
    told = []
    state = shared.indexes(SPACE).build("pgvector", lambda done, total: told.append((done, total)))
    assert state.ready
    assert told[-1] == (COUNT, COUNT)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    return shared


@SHARED
@pytest.mark.parametrize(
    ("space", "name"), [each for each in PLANS if "log-odds" not in each.id and "steep" not in each.id]
)
def test_the_index_finds_the_best_and_says_that_it_proves_nothing(indexed, space, name):
    plan = plan_of(space, name)
    found = PgvectorIndex(source(indexed), ef=200).search(plan, 10, where=EVERYTHING)
    ids, scores = brute_force(plan, gallery(), 10)
    assert len(np.intersect1d(found.ranking.ids, ids)) >= 9
    own = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    assert all(own.get(i, s) == s for i, s in zip(found.ranking.ids, found.ranking.scores, strict=True))
    assert found.how == "HNSW index in PostgreSQL, ef 200"
    assert not found.ranking.exact


@SHARED
def test_the_index_serves_wide_filters_too(indexed, monkeypatch):
    monkeypatch.setattr(hnsw, "NARROW", 0)
    plan, pa = plan_of("raw", "repulsion"), np.arange(1, COUNT + 1, 2)
    found = PgvectorIndex(source(indexed), ef=20).search(plan, 50, where=Where(views=("PA",)))
    assert found.how == "HNSW index in PostgreSQL, ef 20"
    assert found.considered == len(pa)
    assert len(found.ranking.ids) == 50
    assert np.isin(found.ranking.ids, pa).all()
    assert len(np.intersect1d(found.ranking.ids, brute_force(plan, gallery(), 50, pa)[0])) >= 45


@SHARED
@pytest.mark.parametrize(
    ("name", "k", "search", "reason"),
    [
        ("log-odds", 5, {"where": EVERYTHING}, "the plan has log-probabilities"),
        ("linear", 251, {"where": EVERYTHING}, "251 images are more than an HNSW index finds well"),
        ("linear", 5, {"where": Where(views=("PA",))}, "the filter lets only 200 images through"),
        (
            "linear",
            5,
            {"where": EVERYTHING, "among": np.array([3, 4])},
            "only certain images may be hits",
        ),
    ],
)
def test_where_the_index_would_serve_badly_all_is_scanned(indexed, name, k, search, reason):
    found = PgvectorIndex(source(indexed)).search(plan_of("raw", name), k, **search)
    assert found.how == f"scan of float16 rows in PostgreSQL, for {reason}"
    assert found.ranking.exact


@SHARED
def test_an_index_that_finds_too_few_is_not_believed(indexed, monkeypatch):
    nearest = hnsw._truth_of_nearest
    monkeypatch.setattr(hnsw, "_truth_of_nearest", lambda *given: nearest(*given[:2], 3))
    found = PgvectorIndex(source(indexed)).search(plan_of("raw", "many"), 5, where=EVERYTHING)
    assert found.how == "scan of float16 rows in PostgreSQL, for the HNSW index found too few"
    same(found, brute_force(plan_of("raw", "many"), gallery(), 5))


@SHARED
def test_the_statement_is_served_by_the_hnsw_index_of_its_space(indexed):
    with transaction(source(indexed).engine, source(indexed).place) as connection:
        asked = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = :name"
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        before = connection.execute(text(asked), {"name": building.index_name(SPACE)}).scalar_one()
    PgvectorIndex(source(indexed)).search(plan_of("raw", "many"), 5, where=EVERYTHING)
    source(indexed).engine.dispose()  # a session tells its counts at the latest when it ends
    for _ in range(50):
        with transaction(source(indexed).engine, source(indexed).place) as connection:
            after = connection.execute(text(asked), {"name": building.index_name(SPACE)}).scalar_one()
        if after > before:
            break
    assert after > before


@SHARED
def test_a_search_leaves_no_setting_behind(indexed):
    PgvectorIndex(source(indexed)).search(plan_of("raw", "linear"), 5, where=EVERYTHING)
    with transaction(source(indexed).engine, source(indexed).place, writes=True) as connection:
        for name, value in (
            ("hnsw.ef_search", "40"),
            ("enable_sort", "on"),
            ("statement_timeout", "0"),
            ("transaction_read_only", "off"),
        ):
            assert connection.execute(text(f"SHOW {name}")).scalar() == value


@OWN
def test_what_a_killed_build_left_is_removed_by_the_next(archive, location):
    filled(location, gallery(6, 40))
    indexes = archive.indexes(SPACE)
    indexes.build("pgvector")
    name = building.index_name(SPACE)
    run(location, f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")
    state = {each.name: each for each in indexes.states()}["pgvector"]
    assert not state.ready
    assert "is being built, or its building was killed; `medneg index build pgvector`" in state.note
    with pytest.raises(ArchiveError, match="pgvector cannot be used: the HNSW index of this space is being"):
        indexes.open("pgvector")
    assert indexes.build("pgvector").ready
    indexes.drop("pgvector")
    with pytest.raises(ArchiveError, match="no HNSW index of this space has been built; `medneg index build"):
        indexes.open("pgvector")
    indexes.drop("pgvector")


@OWN
def test_of_two_builds_at_once_one_is_refused(archive, location):
    filled(location, gallery(7, 40))
    with (
        building._turn(source(archive)),
        pytest.raises(ArchiveError, match="another process is building this HNSW index"),
    ):
        archive.indexes(SPACE).build("pgvector")


@OWN
def test_a_build_that_is_interrupted_leaves_nothing(archive, location, monkeypatch):
    filled(location, gallery(8, 40))
    monkeypatch.setattr(building, "_POLLED_SECONDS", 0.2)
    engine = connect(locate(location))
    with engine.connect() as writer:  # a build waits for those who write
        writer.execute(text("UPDATE halves SET image_id = image_id WHERE image_id = 1"))

        def interrupt(_watch):
            writer.rollback()
            raise KeyboardInterrupt

        monkeypatch.setattr(building._Watch, "__call__", interrupt)
        with pytest.raises(KeyboardInterrupt):
            archive.indexes(SPACE).build("pgvector")
    engine.dispose()
    with transaction(source(archive).engine, source(archive).place) as connection:
        assert building.look(connection, SPACE) is None


@OWN
def test_a_space_too_wide_for_hnsw_is_refused(archive, location, monkeypatch):
    filled(location, gallery(9, 10))
    monkeypatch.setattr(building, "WIDEST", 15)
    with pytest.raises(ArchiveError, match="vectors of up to 15 values, and these have 16"):
        archive.indexes(SPACE).build("pgvector")
