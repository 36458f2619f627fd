"""What every session of the page shares: the archive and the encoders, opened once."""

from __future__ import annotations

import os

import streamlit as st

from medneg import encoders
from medneg.archive import Archive
from medneg.encoders import Encoder
from medneg.errors import ArchiveError
from medneg.query import QueryParser, parser, parser_settings


@st.cache_resource(show_spinner=False)
def open_archive(location: str) -> Archive:
    """Open an archive once per server."""
    return Archive.open(location)


@st.cache_resource(show_spinner="Loading the encoder …")
def load_encoder(name: str, text_encoder: str | None = None) -> Encoder:
    """Load an encoder, with another text tower or its own, once per server."""
    return encoders.load(name, text_encoder)


@st.cache_resource(show_spinner=False)
def load_parser() -> QueryParser:
    """The parser that the environment asks for, made once per server.

    Raises:
        ParserError: it asks for a language model that cannot or may not be used.
    """
    return parser(parser_settings())


def archive_location() -> str:
    """Say which archive the page was started for.

    Raises:
        ArchiveError: if it was started without one.
    """
    location = os.environ.get("MEDNEG_ARCHIVE", "")
    if not location:
        raise ArchiveError("no archive is given; start the page with `medneg ui --archive ARCHIVE`")
    return location
