"""An ingest on a Ray cluster: files are decoded wherever cores are free, pictures encoded where GPUs are.

Decoding is tasks and encoding is actors. A task that dies with its process or its machine is run once more
by Ray; pictures go from decoder to encoder through Ray's object store and never pass this process, which
claims files and stores results exactly as an ingest on one machine does. Ray Data would do the same work,
but not in the order of the files, not under our claims, and not in our transactions.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medneg.errors import ClusterError, EncoderError, MednegError
from medneg.ingest.decoding import Job, Prepared, read_file, warm_up
from medneg.ingest.runners import move_to_gpu, picture
from medneg.workers import WINDOW, Limits, Lost, attempt, memory_limited

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from medneg.encoders import Encoder

AHEAD = 4
"""Files that are out for every core: some being read, others on their way or waiting to be encoded."""

CORES_PER_ENCODER = 8
"""Without a GPU there is one encoder for so many cores, and it takes half of them."""

_NOTHING = np.zeros((1, 1), np.float32)


@contextlib.contextmanager
def ray_runner(address: str, load: Callable[[], Encoder], *, cores: int | None = None) -> Iterator[RayRunner]:
    """Connect to a Ray cluster and have its machines read and encode.

    Args:
        address: "local" for a cluster of this machine alone that ends with the context, "auto" for the one
            that this machine belongs to, or "host:port" of another.
        load: gives the encoder on the machine that calls it, this one too; its weights must be there.
        cores: of a local cluster; None for all.

    Raises:
        ClusterError: if Ray is not installed, or no cluster answers.
        EncoderError: if a machine of the cluster cannot load the encoder, or loads another one.
    """
    ray = _import_ray()
    options: dict[str, Any] = {"num_cpus": cores, "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterError(
            f"no Ray cluster answers at {address!r} ({type(error).__name__}); start one with "
            "`ray start --head`, or use 'local' for this machine alone"
        ) from None
    try:
        with contextlib.closing(RayRunner(load)) as runner:
            yield runner
    finally:
        ray.shutdown()


class RayRunner:
    """Reads and encodes on the Ray cluster that this process is connected to; see ``runners.Runner``.

    Args:
        load: gives the encoder on the machine that calls it, this one too.
        read: reads one file; importable by name on every machine.
        warm: what a process does before its first file.
        limits: what one file may cost.

    Raises:
        EncoderError: if a machine of the cluster cannot load the encoder, or loads another one.
    """

    def __init__(
        self,
        load: Callable[[], Encoder],
        *,
        read: Callable[[Job], Prepared] = read_file,
        warm: Callable[[], None] = warm_up,
        limits: Limits | None = None,
    ) -> None:
        self._ray = _import_ray()
        task = self._ray.remote(num_cpus=1, num_returns=2, max_retries=1)(_read)
        self._submit = functools.partial(task.remote, read, warm, limits or Limits())
        self._cores = int(self._ray.cluster_resources().get("CPU", 1))
        self._pictures: dict[str, Any] = {}
        self._encoders = self._start(load)
        self._turns = itertools.cycle(self._encoders)
        self.ahead = 2 * len(self._encoders)

    def close(self) -> None:
        """Give the encoders' cores and GPUs back."""
        for encoder in self._encoders:
            self._ray.kill(encoder)

    def read(self, jobs: Iterable[Job], *, files: int) -> Generator[Prepared | Lost]:
        """See ``Runner.read``. A file that costs two processes is lost.

        Raises:
            ClusterError: if the cluster fails.
        """
        room, left = max(WINDOW, AHEAD * self._cores), iter(jobs)
        out: deque[tuple[Job, Any, Any]] = deque()
        try:
            while True:
                out += ((job, *self._submit(job)) for job in itertools.islice(left, room - len(out)))
                if not out:
                    return
                yield self._result(*out.popleft())
        finally:
            for _, result, _ in out:
                self._ray.cancel(result, force=True)

    def encode(self, batch: Sequence[Prepared]) -> Callable[[], NDArray[float32]]:
        """See ``Runner.encode``; the encoders take turns.

        Raises:
            ClusterError: when the rows are asked for, if an encoder ended again and again.
        """
        pictures = [self._pictures.pop(one.stamp.path) for one in batch if one.stamp is not None]
        rows = next(self._turns).encode.remote(*pictures)
        return lambda: self._get(rows)

    def _start(self, load: Callable[[], Encoder]) -> list[Any]:
        gpus = int(self._ray.cluster_resources().get("GPU", 0))
        cores = 1 if gpus else min(CORES_PER_ENCODER, self._cores) // 2
        actor = self._ray.remote(num_cpus=cores, num_gpus=min(gpus, 1), max_restarts=3, max_task_retries=3)
        encoders = [
            actor(_Tower).remote(load, max(cores, 1))
            for _ in range(gpus or max(1, self._cores // CORES_PER_ENCODER))
        ]
        wanted = load().card.image_fingerprint
        for there, problem in self._get([encoder.state.remote() for encoder in encoders]):
            if problem is not None:
                raise EncoderError(f"a machine of the cluster cannot load the encoder: {problem}")
            if there != wanted:
                raise EncoderError(
                    "a machine of the cluster has other weights for this encoder, or another version of "
                    "medneg: its embeddings would not fit the archive's; bring the same to every machine"
                )
        return encoders

    def _result(self, job: Job, result: Any, pixels: Any) -> Prepared | Lost:
        errors = self._ray.exceptions
        try:
            prepared: Prepared | Lost = self._ray.get(result)
        except (errors.WorkerCrashedError, errors.OutOfMemoryError):
            return Lost("reading it ended two processes: it crashes them, or takes too long")
        except errors.RayError as error:
            raise _failed(error) from None
        if isinstance(prepared, Prepared) and prepared.radiograph is not None:
            self._pictures[job.path] = pixels
        return prepared

    def _get(self, references: Any) -> Any:
        try:
            return self._ray.get(references)
        except self._ray.exceptions.RayError as error:
            raise _failed(error) from None


class _Tower:
    """An encoder in a process of the cluster, with so many threads, on a GPU if Ray gave it one."""

    def __init__(self, load: Callable[[], Encoder], threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._state: tuple[str | None, str | None]
        try:
            self._encoder = load()
        except MednegError as error:
            self._state = None, str(error)
        else:
            self._state = self._encoder.card.image_fingerprint, None
            move_to_gpu(self._encoder)

    def state(self) -> tuple[str | None, str | None]:
        """The space of the encoder's embeddings, or why there is no encoder."""
        return self._state

    def encode(self, *pictures: NDArray[float32]) -> NDArray[float32]:
        """Unit rows of pictures, shape (size, size) each."""
        return self._encoder.encode_images(np.stack(pictures))


def _read(
    read: Callable[[Job], Prepared], warm: Callable[[], None], limits: Limits, job: Job
) -> tuple[Prepared | Lost, NDArray[float32] | None]:
    """What a decoding task does: the file without its picture, then the picture, which Ray keeps apart."""
    _once(warm)
    with _watched(limits):
        result = attempt(read, job)
    if isinstance(result, Lost) or result.radiograph is None:
        return result, None
    return replace(result, radiograph=replace(result.radiograph, pixels=_NOTHING)), picture(result)


@functools.cache
def _once(warm: Callable[[], None]) -> None:
    warm()


@contextlib.contextmanager
def _watched(limits: Limits) -> Iterator[None]:
    """End this process when the time is up, even inside a decoder that never returns to Python."""
    with open(os.devnull, "w", encoding="ascii") as nowhere, memory_limited(limits.growth):
        faulthandler.dump_traceback_later(limits.seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray tells its makers of every use otherwise
    try:
        import ray
    except ImportError:
        raise ClusterError("Ray is not installed; install it with `pip install 'medneg[ray]'`") from None
    return ray


def _failed(error: Exception) -> ClusterError:
    return ClusterError(
        f"the Ray cluster failed ({type(error).__name__}); what is stored stays: run the ingest again. Every "
        "machine of the cluster needs this version of medneg and sees the files under the same paths"
    )
