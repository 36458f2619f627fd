import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.schema import CreateTable

from medneg.archive.engines import connect
from medneg.archive.halfvec import Halfvec
from medneg.archive.migrating import SCRIPTS, revision, upgrade
from medneg.archive.places import locate
from medneg.archive.schema import ONLY_POSTGRESQL, REVISION, Base


@pytest.fixture
def engine(location):
    place = locate(location)
    if place.database is not None:
        place.database.parent.mkdir()
    engine = connect(place)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/some.db")
    yield engine
    engine.dispose()


def test_the_migrations_end_at_the_revision_of_the_models():
    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [REVISION]


def test_migrations_and_models_agree(engine, monkeypatch):
    monkeypatch.setitem(ischema_names, "halfvec", Halfvec)
    here = set(Base.metadata.tables) - (ONLY_POSTGRESQL if engine.dialect.name == "sqlite" else set())
    with engine.begin() as connection:
        upgrade(connection, shown="here")
        options = {
            "compare_type": True,
            "render_as_batch": True,
            "include_object": lambda _, name, kind, *__: kind != "table" or name in here,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_make_the_very_tables_that_the_models_would(sqlite, tmp_path):
    plain = create_engine(f"sqlite:///{tmp_path}/plain.db")
    tables = [table for table in Base.metadata.sorted_tables if table.name not in ONLY_POSTGRESQL]
    Base.metadata.create_all(plain, tables)
    with sqlite.begin() as connection:
        upgrade(connection, shown="here")
    for name in (table.name for table in tables):
        ours, theirs = inspect(sqlite), inspect(plain)
        for look in ("get_check_constraints", "get_unique_constraints", "get_foreign_keys", "get_indexes"):
            found, wanted = (getattr(side, look)(name) for side in (ours, theirs))
            assert sorted(map(str, found)) == sorted(map(str, wanted)), (name, look)
    plain.dispose()


def test_upgrade_does_nothing_the_second_time(engine):
    with engine.begin() as connection:
        assert revision(connection) is None
        assert upgrade(connection, shown="here") is True
        assert revision(connection) == REVISION
        assert upgrade(connection, shown="here") is False


def test_vectors_never_get_an_id_that_was_used_before(sqlite):
    with sqlite.begin() as connection:
        upgrade(connection, shown="here")
        made = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'embeddings'")).scalar()
    assert "AUTOINCREMENT" in made


def test_the_tables_can_be_written_for_postgresql():
    for table in Base.metadata.sorted_tables:
        made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "VARIANT" not in made
        if table.name == "embeddings":
            assert "id BIGSERIAL NOT NULL" in made
            assert "vector BYTEA NOT NULL" in made
        if table.name == "halves":
            assert "vector HALFVEC NOT NULL" in made
