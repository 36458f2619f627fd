"""What every session of the page and every request share, made once in a process."""

from __future__ import annotations

import os

from app.once import Once
from app.serving.meters import Meters
from app.serving.settings import Settings
from app.serving.turns import Turns
from medneg import encoders
from medneg.archive import Archive
from medneg.encoders import Encoder
from medneg.errors import ArchiveError
from medneg.query import QueryParser, parser, parser_settings


@Once
def settings() -> Settings:
    """How this process was started."""
    return Settings.from_environment()


@Once
def open_archive(location: str) -> Archive:
    """Open an archive."""
    return Archive.open(location)


@Once
def load_encoder(name: str, text_encoder: str | None = None) -> Encoder:
    """Load an encoder, with another text tower or its own."""
    return encoders.load(name, text_encoder)


@Once
def load_parser() -> QueryParser:
    """The parser that the environment asks for.

    Raises:
        ParserError: it asks for a language model that cannot or may not be used.
    """
    return parser(parser_settings())


@Once
def turns() -> Turns:
    """The turns that all searches take."""
    return Turns(settings().searches, waiting=settings().waiting)


@Once
def meters() -> Meters:
    """What is counted for `/metrics`."""
    return Meters(turns())


def archive_location() -> str:
    """Say which archive the page was started for.

    Raises:
        ArchiveError: if it was started without one.
    """
    location = os.environ.get("MEDNEG_ARCHIVE", "")
    if not location:
        raise ArchiveError("no archive is given; start the page with `medneg ui --archive ARCHIVE`")
    return location
