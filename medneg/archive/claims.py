"""Who reads which file: so that any number of processes may fill one archive, and any may be killed.

A claim says that a process means to read a file for a space, and until when others should leave it alone.
It goes with the file's image or rejection, in one transaction. A process that was killed leaves claims
behind; they end by themselves, or at once where the caller can tell that their owner is gone. Should two
processes read one file after all, because the first was asleep for longer than its claim, the second
replaces what the first stored: claims save work, and correctness does not hang on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from medneg.archive.reading import chunks
from medneg.archive.schema import Claim


def claim(
    connection: Connection,
    fingerprint: str,
    paths: Sequence[str],
    *,
    owner: str,
    seconds: float,
    gone: Callable[[str], bool],
) -> frozenset[str]:
    """Claim the files that nobody else has claimed, and prolong every claim that the owner has.

    Runs in a transaction of a writer that is alone: it looks first and writes then.

    Args:
        connection: in such a transaction.
        fingerprint: of the space that the files are read for.
        paths: of the files, absolute.
        owner: names the process.
        seconds: how long the claims hold.
        gone: whether the owner of a claim is known to have ended.

    Returns:
        The paths that are the owner's now.
    """
    now = datetime.now(UTC)
    until = now + timedelta(seconds=seconds)
    connection.execute(update(Claim).where(Claim.owner == owner).values(until=until))
    others = {
        name
        for name in connection.execute(select(Claim.owner).distinct()).scalars()
        if name != owner and not gone(name)
    }
    free: set[str] = set(paths)
    for some in chunks(paths):
        held = (Claim.image_fingerprint == fingerprint, Claim.path.in_(some), Claim.owner.in_(others))
        free -= set(connection.execute(select(Claim.path).where(*held, Claim.until > now)).scalars())
    _drop(connection, fingerprint, sorted(free))
    rows = [
        {"image_fingerprint": fingerprint, "path": path, "owner": owner, "until": until}
        for path in sorted(free)
    ]
    if rows:
        connection.execute(insert(Claim), rows)
    return frozenset(free)


def settle(connection: Connection, fingerprint: str, paths: Iterable[str]) -> None:
    """End the claims on files that were read, whoever had them."""
    _drop(connection, fingerprint, list(paths))


def release(connection: Connection, owner: str, gone: Callable[[str], bool]) -> None:
    """End all claims of a process, and those that processes left behind which have ended.

    A file that was settled by one process and claimed late by another, which was then killed, would keep its
    claim for good: nobody has a reason to claim it again.
    """
    for other in connection.execute(select(Claim.owner).distinct()).scalars().all():
        if other == owner or gone(other):
            connection.execute(delete(Claim).where(Claim.owner == other))
    connection.execute(delete(Claim).where(Claim.until <= datetime.now(UTC)))


def _drop(connection: Connection, fingerprint: str, paths: Sequence[str]) -> None:
    for some in chunks(paths):
        connection.execute(delete(Claim).where(Claim.image_fingerprint == fingerprint, Claim.path.in_(some)))
