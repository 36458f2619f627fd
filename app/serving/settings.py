"""How the service was started: handed over by `medneg serve` and `medneg ui` in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

HANDED = "MEDNEG_SERVE"
"""The environment variable that holds the settings as a JSON object; the archive's place has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided.

    Attributes:
        host, port: where to listen.
        public_host: the name or address that readers type into their browsers; None for ``host``.
        encoder: names of the encoders that requests may ask for, the first by default; empty for the one
            that embedded most of the archive.
        index: a name in ``medneg.archive.indexes.KINDS``, or "auto".
        searches: how many searches run at once.
        waiting: how many more may wait for their turn.
        show_paths: whether answers of the API tell the paths of files, which may hold names.
        user_header: the header in which a proxy that signs readers in tells who asks; None to ask nobody.
        browser: whether to open a browser.
        quiet: whether to log what went wrong only.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    public_host: str | None = None
    encoder: tuple[str, ...] = ()
    index: str = "auto"
    searches: int = 2
    waiting: int = 40
    show_paths: bool = False
    user_header: str | None = None
    browser: bool = False
    quiet: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read what the command line handed over; the defaults where it handed nothing."""
        held = json.loads(environment.get(HANDED) or "{}")
        return cls(**held | {"encoder": tuple(held.get("encoder", ()))})
