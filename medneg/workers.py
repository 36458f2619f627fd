"""Run a function over many inputs in other processes, whatever an input does to the process that meets it.

An input that crashes its process, hangs it or eats its memory costs that input alone: it comes back as
``Lost`` with the reason, a new process takes over, and nothing else is lost or done twice. Results come in
the order of the inputs. ``concurrent.futures`` gives up the whole pool in these cases, hence this module.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")

AHEAD = 2
"""Inputs that one process is given: the one it works on and the next, so that it never waits for us."""

WINDOW = 64
"""Inputs that may be out or unread at once, beyond those for every process: it bounds our memory."""

START_SECONDS = 180.0
"""How long a process may take to begin, its imports included."""

_START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_READY = -1
_ENDED = -2
_TICK = 0.05


@dataclass(frozen=True, slots=True)
class Lost:
    """An input that gave no result, and why, in plain words without anything from the input."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one input may cost: ``seconds`` of time, and ``growth`` bytes of memory (Linux only)."""

    seconds: float = 20.0
    growth: int = 2**30


def attempt(function: Callable[[Input], Output], value: Input) -> Output | Lost:
    """The function's result, or why there is none: the kind of the error, not its words."""
    try:
        return function(value)
    except MemoryError:
        return Lost("reading it needs too much memory")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in a library written in Rust is no Exception
        return Lost(f"reading it failed unexpectedly ({type(error).__name__})")


def each(
    function: Callable[[Input], Output],
    inputs: Iterable[Input],
    *,
    workers: int,
    prepare: Callable[[], None] | None = None,
    preload: Sequence[str] = (),
    limits: Limits | None = None,
) -> Generator[Output | Lost]:
    """Apply a function to every input, in order.

    Args:
        function: importable by name in a fresh process; its results must be picklable.
        inputs: what to apply it to. They are asked for one by one, in another thread and not long before they
            are needed, so whoever gives them may decide late; to give the next one must not take long.
        workers: processes; 0 works in this one, without protection.
        prepare: called once in every process before its first input.
        preload: modules that are slow to import. A server process does it once and every worker is its fork,
            where the system can fork; a process that is replaced is then back at once.
        limits: what one input may cost.

    Yields:
        One result per input; ``Lost`` where the function raised, or the process died or was stopped.

    Raises:
        RuntimeError: if no process can be started.
    """
    if workers < 0:
        raise ValueError(f"workers must be at least 0; got {workers}")
    if workers == 0:
        yield from (attempt(function, value) for value in inputs)
        return
    if preload and _START == "forkserver":
        multiprocessing.get_context(_START).set_forkserver_preload(list(preload))
    pool = _Pool(function, inputs, workers=workers, prepare=prepare, limits=limits or Limits())
    try:
        yield from pool.results()
    finally:
        pool.close()


@contextlib.contextmanager
def memory_limited(growth: int) -> Iterator[None]:
    """Let this process allocate at most so many more bytes for a while (Linux only)."""
    if sys.platform != "linux":
        yield
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = now + growth
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def _serve(connection: Connection, function: Any, prepare: Any, growth: int) -> None:
    """The life of one process: take an input, answer, until the other side hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops us
    if prepare is not None:
        prepare()
    try:
        connection.send((_READY, None))
        while True:
            index, value = connection.recv()
            with memory_limited(growth):
                answer = attempt(function, value)
            connection.send((index, answer))
    except (EOFError, OSError):
        return


class _Worker:
    """A process, our end of the line to it, and the inputs it has not answered, oldest first."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.pending: deque[int] = deque()
        self.ready = False
        self.since = time.monotonic()

    def give(self, index: int, value: object) -> None:
        if not self.pending and self.ready:
            self.since = time.monotonic()
        self.pending.append(index)
        with contextlib.suppress(OSError):  # it died; whoever listens to it next finds out
            self.connection.send((index, value))

    def overdue(self, limits: Limits) -> bool:
        allowed = limits.seconds if self.ready else START_SECONDS
        return bool(self.pending) and time.monotonic() - self.since > allowed

    def stop(self) -> int | None:
        """End the process if it still runs; returns its exit status."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        return self.process.exitcode


class _Pool(Generic[Input, Output]):
    """Processes, and a thread that feeds and watches them, so that they work while the caller does."""

    def __init__(
        self,
        function: Callable[[Input], Output],
        inputs: Iterable[Input],
        *,
        workers: int,
        prepare: Callable[[], None] | None,
        limits: Limits,
    ) -> None:
        self._inputs = iter(inputs)
        self._out: dict[int, Input] = {}
        self._limits = limits
        self._wanted = workers
        self._arguments = (function, prepare, limits.growth)
        self._workers: list[_Worker] = []
        self._again: deque[int] = deque()
        self._next = 0
        self._all: int | None = None
        self._taken = 0
        self._failed_starts = 0
        self._answers: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="medneg-workers", daemon=True)
        self._thread.start()

    def results(self) -> Iterator[Output | Lost]:
        """The results in the order of the inputs."""
        early: dict[int, Output | Lost] = {}
        while self._taken != self._all:
            while self._taken not in early:
                number, answer = self._answers.get()
                if isinstance(answer, BaseException):
                    raise answer
                if number == _ENDED and self._taken == self._all:
                    return
                early[number] = answer
            self._taken += 1
            yield early.pop(self._taken - 1)

    def close(self) -> None:
        """Stop everything; inputs not yet answered are dropped."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._feed()
                heard = set(wait([worker.connection for worker in self._workers], timeout=_TICK))
                for worker in [worker for worker in self._workers if worker.connection in heard]:
                    self._hear(worker)
                for worker in [worker for worker in self._workers if worker.overdue(self._limits)]:
                    self._lose(worker, f"reading it took more than {self._limits.seconds:g} s")
                if not self._workers:
                    self._closing.wait(_TICK)
        except BaseException as error:
            self._answers.put((_READY, error))
        finally:
            for worker in self._workers:
                worker.stop()

    def _feed(self) -> None:
        """Start the processes that are missing and give every one its share."""
        while self._to_do() and len(self._workers) < min(self._wanted, len(self._out)):
            self._workers.append(self._start())
        for depth in range(AHEAD):
            for worker in self._workers:
                if len(worker.pending) <= depth and self._to_do():
                    index = self._again.popleft()
                    worker.give(index, self._out[index])

    def _to_do(self) -> bool:
        """Whether an input waits for a process; the next one is asked for where none does."""
        if not self._again and self._all is None and self._next < self._window:
            for value in itertools.islice(self._inputs, 1):
                self._out[self._next] = value
                self._again.append(self._next)
                self._next += 1
                return True
            self._all = self._next
            self._answers.put((_ENDED, None))
        return bool(self._again)

    @property
    def _window(self) -> int:
        return self._taken + WINDOW + AHEAD * self._wanted

    def _start(self) -> _Worker:
        if self._failed_starts >= 3:
            raise RuntimeError("three processes in a row ended before they could begin to read")
        context: Any = multiprocessing.get_context(_START)
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _hear(self, worker: _Worker) -> None:
        try:
            index, answer = worker.connection.recv()
        except (EOFError, OSError):
            self._lose(worker, None)
            return
        worker.since = time.monotonic()
        if index == _READY:
            worker.ready = True
            self._failed_starts = 0
            return
        worker.pending.remove(index)
        self._answer(index, answer)

    def _lose(self, worker: _Worker, reason: str | None) -> None:
        """Account for a process that died or is overdue: its oldest input is to blame, the rest go again."""
        self._workers.remove(worker)
        status = worker.stop()
        if worker.ready and worker.pending:
            self._answer(worker.pending.popleft(), Lost(reason or _why(status)))
        elif not worker.ready:
            self._failed_starts += 1
        self._again.extendleft(reversed(worker.pending))

    def _answer(self, index: int, answer: Output | Lost) -> None:
        del self._out[index]
        self._answers.put((index, answer))


def _why(status: int | None) -> str:
    if status is not None and status < 0:
        return f"reading it crashed ({signal.Signals(-status).name})"
    return f"reading it ended its process (exit status {status})"
