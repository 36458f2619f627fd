"""What worker processes do in the tests: well-behaved, fatal, slow, greedy. It imports next to nothing."""

from __future__ import annotations

import os
import time


class Panic(BaseException):
    """What pyo3 makes of a panic in Rust derives from BaseException."""


def act(word: str | int) -> str | int:
    """Double a number; do what a word says."""
    match word:
        case "die":
            os._exit(3)
        case "crash":
            os.abort()
        case "hang":
            time.sleep(60)
        case "eat":
            bytearray(2**32)
        case "panic":
            raise Panic
        case "raise":
            raise LookupError("the patient's name")
    return word * 2 if isinstance(word, int) else word


def die_at_once() -> None:
    os._exit(1)
