"""Many numbers at once: a million ids as one value of the database, not as a million rows.

A driver makes Python objects of every row, which takes longer than all that the database does to find them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, LargeBinary, Select, Text, func, select

BINARY = {"medneg_binary": True}
"""Execution options: let PostgreSQL send values as bytes; as text, bytes are twice as long."""

# Dimensions, a flag, the type of the elements, their number and the first index, four bytes each.
_HEADER = 20
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i8")])


def integers(connection: Connection, statement: Select[*tuple[Any, ...]]) -> NDArray[np.int64]:
    """All rows of a query whose columns are 64-bit integers and never null, shape (rows, columns).

    One value of a database holds up to some 80 million of them.
    """
    rows = statement.subquery()
    if connection.dialect.name == "postgresql":
        sent = [func.array_send(func.array_agg(column), type_=LargeBinary) for column in rows.c]
        found = connection.execute(select(*sent), execution_options=BINARY).one()
        columns = [_of_array(value) for value in found]
    else:
        joined = [func.group_concat(column, type_=Text) for column in rows.c]
        columns = [_of_text(value) for value in connection.execute(select(*joined)).one()]
    return np.stack(columns, axis=1)


def _of_array(value: bytes | None) -> NDArray[np.int64]:
    """A bigint[] as PostgreSQL sends it: ``array_send`` in src/backend/utils/adt/arrayfuncs.c."""
    if value is None:
        return np.empty(0, np.int64)
    return np.frombuffer(value, _ELEMENT, offset=_HEADER)["value"].astype(np.int64)


def _of_text(value: str | None) -> NDArray[np.int64]:
    return np.fromstring(value or "", np.int64, sep=",")
