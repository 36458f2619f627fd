"""The audit trail of searches: it never leaves the archive by itself."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import os
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select

from medneg.archive.rows import SearchRow
from medneg.archive.schema import Search


def account(key: bytes) -> str:
    """A keyed pseudonym of the account that runs this process: readers can be told apart, not named."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        name = str(os.getuid())
    return hmac.new(key, f"account {name}".encode(), hashlib.sha256).hexdigest()[:16]


def record(connection: Connection, row: SearchRow) -> None:
    """Append one search."""
    connection.execute(
        insert(Search).values(
            searched_at=datetime.fromisoformat(row.when),
            who=row.who,
            query=row.query,
            method=row.method,
            encoder=row.encoder,
            k=row.k,
            considered=row.considered,
        )
    )


def searches(connection: Connection, *, limit: int) -> tuple[SearchRow, ...]:
    """The latest searches, the newest first."""
    columns = (Search.searched_at, Search.who, Search.query, Search.method, Search.encoder)
    statement = select(*columns, Search.k, Search.considered).order_by(Search.id.desc()).limit(limit)
    return tuple(
        SearchRow(
            when=row.searched_at.replace(tzinfo=UTC).isoformat(timespec="seconds"),
            who=row.who,
            query=row.query,
            method=row.method,
            encoder=row.encoder,
            k=row.k,
            considered=row.considered,
        )
        for row in connection.execute(statement)
    )
