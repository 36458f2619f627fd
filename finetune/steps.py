"""Steps of a training that may be interrupted at any moment, and its state in one file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch


def run_steps(
    take: Callable[[], int], save: Callable[[], None], *, done: int, end: int, every: float
) -> None:
    """Take steps until the last one; an interrupt is passed on after saving.

    Args:
        take: one step; returns how many are done.
        save: keeps what was learnt so far.
        done: steps that are done already.
        end: steps that are to be done.
        every: seconds between two saves.
    """
    saved = time.monotonic()
    try:
        while done < end:
            done = take()
            if time.monotonic() - saved > every:
                save()
                saved = time.monotonic()
    finally:
        save()


def save_whole(state: Mapping[str, Any], file: Path) -> None:
    """Write a state; a kill in between leaves the one before."""
    beside = file.with_suffix(".new")
    torch.save(dict(state), beside)
    os.replace(beside, file)
