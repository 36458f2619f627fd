"""The one way into ``embeddings``: on PostgreSQL, every vector is written once more for pgvector, as float16.

Both rows come in one transaction, and the second goes with the first, so the halves are never stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert

from medneg.archive.schema import Embedding, Half


def kept(connection: Connection) -> bool:
    """Whether this database keeps halves."""
    return connection.dialect.name == "postgresql"


def insert_embeddings(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of ``embeddings``, at least one, each with the vector's float32 as little-endian bytes."""
    connection.execute(insert(Embedding), rows)
    if kept(connection):
        connection.execute(insert(Half), [_half(row) for row in rows])


def _half(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image_fingerprint": row["image_fingerprint"],
        "image_id": row["image_id"],
        "vector": np.frombuffer(row["vector"], "<f4").astype(np.float16),
    }
