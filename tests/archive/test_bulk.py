import numpy as np
import pytest
from sqlalchemy import Integer, literal, select, union_all

from medneg.archive.bulk import BINARY, integers
from medneg.archive.engines import connect, transaction
from medneg.archive.places import locate
from medneg.archive.schema import Key

LARGE = 2**62


@pytest.fixture
def connection(location):
    place = locate(location)
    if place.database is not None:
        place.database.parent.mkdir()
    engine = connect(place)
    with transaction(engine, place) as connection:
        yield connection
    engine.dispose()


def rows(*pairs):
    return union_all(*(select(literal(a, Key).label("a"), literal(b, Key).label("b")) for a, b in pairs))


@pytest.mark.parametrize("pairs", [[(1, -2)], [(3, 0), (-LARGE, LARGE), (7, 7), (3, 1)]])
def test_integers_come_as_the_rows_are(connection, pairs):
    table = rows(*pairs).subquery()
    got = integers(connection, select(table.c.a, table.c.b))
    assert got.dtype == np.int64
    assert got.tolist() == [list(row) for row in connection.execute(select(table.c.a, table.c.b))]
    assert sorted(got.tolist()) == sorted(map(list, pairs))


def test_a_query_without_rows_gives_none(connection):
    table = rows((1, 2)).subquery()
    assert integers(connection, select(table.c.a).where(table.c.a > 5)).shape == (0, 1)


def test_values_that_come_as_bytes_are_the_same(connection):
    statement = select(literal(b"\x00\xff", type_=None), literal("é"), literal(5, Integer), literal(0.5))
    plain = connection.execute(statement).one()
    assert connection.execute(statement, execution_options=BINARY).one() == plain
    assert connection.execute(statement).one() == plain
