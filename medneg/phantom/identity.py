"""Identifiers and random streams that follow from what they are for, so nothing depends on the clock."""

from __future__ import annotations

import hashlib
import uuid

import numpy as np
from numpy.random import Generator


def digest(*parts: object) -> str:
    """64 hex digits that follow from ``parts``."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def identifier(*parts: object) -> str:
    """A DICOM UID that follows from ``parts``: root 2.25 and a UUID's number (PS3.5, B.2).

    Example:
        >>> identifier(7, "study")
        '2.25.155060841367534804002989735613656253318'
    """
    return f"2.25.{uuid.UUID(hex=digest(*parts)[:32], version=4).int}"


def stream(*parts: object) -> Generator:
    """A random generator that follows from ``parts``."""
    return np.random.default_rng(int(digest(*parts)[:32], 16))
