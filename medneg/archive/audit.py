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


def account(key: bytes, reader: str | None = None) -> str:
    """A keyed pseudonym of who asks: readers can be told apart, not named.

    Args:
        key: the archive's.
        reader: whom a service has signed in; None for the account that runs this process.
    """
    if reader is not None:
        return _pseudonym(key, f"reader {reader}")
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        name = str(os.getuid())
    return _pseudonym(key, f"account {name}")


def record(connection: Connection, row: SearchRow) -> None:
    """Append one search."""
    connection.execute(
        insert(Search).values(
            searched_at=datetime.fromisoformat(row.when),
            who=row.who,
            query=_kept(row.query),
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


def _pseudonym(key: bytes, name: str) -> str:
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16]


def _kept(words: str) -> str:
    """Words as every engine keeps them: PostgreSQL has no NUL, and none has half a surrogate pair."""
    return words.replace("\0", "").encode("utf-8", "replace").decode()
