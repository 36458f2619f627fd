"""Who does an ingest's heavy work: reading files and encoding pictures, here or on a cluster."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from medneg.archive.matrix import threads
from medneg.ingest.decoding import SLOW_IMPORTS, Job, Prepared, read_file, warm_up
from medneg.workers import Lost, each

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from medneg.encoders import Encoder

FILES_PER_WORKER = 16
"""A process needs seconds to start; it should have that much work at least."""


class Runner(Protocol):
    """Reads and encodes for an ingest, which decides what is read and stores what comes of it.

    Attributes:
        ahead: batches that may be with the encoders while the ingest goes on collecting the next.
    """

    ahead: int

    def read(self, jobs: Iterable[Job], *, files: int) -> Generator[Prepared | Lost]:
        """Read files, in their order.

        Args:
            jobs: asked for one by one, not long before they are needed, because each is claimed then.
            files: how many there are at most.

        Yields:
            One result per job; ``Lost`` where a file costs its process or gives none.
        """
        ...

    def encode(self, batch: Sequence[Prepared]) -> Callable[[], NDArray[float32]]:
        """Have radiographs that ``read`` gave encoded; the call that it returns waits for the unit rows."""
        ...


class LocalRunner:
    """Decodes in processes of this machine and encodes in this process.

    Args:
        encoder: what makes the embeddings.
        workers: processes; 0 decodes in this one, where a file that crashes a decoder ends everything.
    """

    ahead = 0

    def __init__(self, encoder: Encoder, *, workers: int) -> None:
        self._encoder, self._workers = encoder, workers

    def read(self, jobs: Iterable[Job], *, files: int) -> Generator[Prepared | Lost]:
        """See ``Runner.read``."""
        processes = min(self._workers, math.ceil(files / FILES_PER_WORKER))
        return each(read_file, jobs, workers=processes, prepare=warm_up, preload=SLOW_IMPORTS)

    def encode(self, batch: Sequence[Prepared]) -> Callable[[], NDArray[float32]]:
        """See ``Runner.encode``; the work is done when the rows are asked for."""
        return lambda: self._encoder.encode_images(np.stack([picture(one) for one in batch]))


@contextlib.contextmanager
def local_runner(encoder: Encoder, workers: int | None) -> Iterator[LocalRunner]:
    """A runner on this machine and its GPU, if it has one; ``workers`` is None for one per core."""
    cores = os.cpu_count() or 1
    # Decoding keeps every core busy: an encoder with as many threads would wait for them at each step.
    fewer = threads(max(1, cores // 2)) if workers != 0 else contextlib.nullcontext()
    moved = move_to_gpu(encoder)
    try:
        with fewer:
            yield LocalRunner(encoder, workers=cores if workers is None else workers)
    finally:
        if moved is not None:
            moved.to("cpu")


@runtime_checkable
class Movable(Protocol):
    """An encoder that can compute elsewhere."""

    def to(self, device: str) -> None:
        """Encode on another device from now on."""
        ...


def move_to_gpu(encoder: object) -> Movable | None:
    """Have an encoder compute on the GPU from now on; None where there is none, or it cannot move."""
    if not isinstance(encoder, Movable):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    encoder.to("cuda")
    return encoder


def picture(prepared: Prepared) -> NDArray[float32]:
    """The encoder's input that a file became, shape (size, size)."""
    assert prepared.radiograph is not None
    return prepared.radiograph.pixels
