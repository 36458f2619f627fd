"""Where an archive lives: the database, the pseudonym key and the scan matrices."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from medneg.errors import ArchiveError

KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The three parts of one archive.

    Attributes:
        url: of the database.
        shown: the location for messages, without its password.
        key_file: where the pseudonym key is.
        matrices: the folder of the scan matrices, which may be deleted at any time.
        database: the file of a folder archive; None for a URL.
    """

    url: URL
    shown: str
    key_file: Path
    matrices: Path
    database: Path | None = None


def locate(location: str | Path) -> Place:
    """Find the parts of the archive at a folder or an SQLAlchemy URL.

    A folder holds everything. For a URL, the key lies in the user's data folder and the matrices in the
    user's cache folder (``XDG_DATA_HOME`` and ``XDG_CACHE_HOME``), under a hash of the URL without password.

    Raises:
        ArchiveError: if a text with ``://`` is no SQLAlchemy URL.
    """
    if "://" in str(location) and not isinstance(location, Path):
        return _locate_url(location)
    folder = Path(os.path.abspath(Path(location).expanduser()))
    database = folder / "archive.db"
    return Place(
        url=URL.create("sqlite", database=str(database)),
        shown=str(location),
        key_file=folder / "pseudonym.key",
        matrices=folder / "matrices",
        database=database,
    )


def _locate_url(location: str) -> Place:
    try:
        url = make_url(location)
    except ArgumentError:
        scheme = location.partition("://")[0]
        raise ArchiveError(
            f"the archive's location starts with {scheme!r}:// but is no SQLAlchemy URL; "
            "write it as dialect://user@host/database, or give a folder"
        ) from None
    bare = url._replace(password=None).render_as_string()  # URL.set() takes None for "as it was"
    name = hashlib.sha256(bare.encode()).hexdigest()[:16]
    return Place(
        url=url,
        shown=url.render_as_string(hide_password=True),
        key_file=_user_folder("XDG_DATA_HOME", ".local/share") / name / "pseudonym.key",
        matrices=_user_folder("XDG_CACHE_HOME", ".cache") / name / "matrices",
    )


def _user_folder(variable: str, default: str) -> Path:
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / "medneg"


def make_key(place: Place) -> bytes:
    """Write a new pseudonym key that only its owner may read, or read the one that is already there.

    The file appears whole or not at all, and of two processes that make it at once one wins.
    """
    place.key_file.parent.mkdir(parents=True, exist_ok=True)
    if not place.key_file.exists():
        draft = place.key_file.with_name(f".{secrets.token_hex(8)}.key")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, place.key_file)
        draft.unlink()
    return read_key(place)


def read_key(place: Place) -> bytes:
    """The pseudonym key of an archive.

    Raises:
        ArchiveError: if the file is missing, unreadable or not a key.
    """
    try:
        key = place.key_file.read_bytes()
    except OSError as error:
        raise ArchiveError(
            f"the archive at {place.shown} has no readable pseudonym key at {place.key_file} "
            f"({error.strerror}); restore that file from a backup: without it new images cannot be "
            "matched to the patients already here, and a new archive must be made"
        ) from None
    if len(key) != KEY_BYTES:
        raise ArchiveError(
            f"{place.key_file} holds {len(key)} bytes where a pseudonym key has {KEY_BYTES}; "
            "restore it from a backup"
        )
    return key


def key_check(key: bytes) -> str:
    """A value that tells whether a key is the one an archive was made with, and nothing else about it."""
    return hmac.new(key, b"medneg key check", hashlib.sha256).hexdigest()[:16]
