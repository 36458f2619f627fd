"""Silence for decoders that write to the process's standard error on their own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.Lock()


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere for a moment.

    libjpeg, CharLS and OpenJPEG print "Corrupt JPEG data" and the like from C, past Python's streams; what
    is wrong shows in the result. One thread at a time, so that the way back is never lost.
    """
    with _turn:
        try:
            kept = os.dup(2)
        except OSError:  # standard error is closed: there is nothing to silence
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
