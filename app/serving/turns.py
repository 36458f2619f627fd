"""Turns: so many searches at once, so many that wait, and a clear "busy" for the rest.

A search keeps the processor busy for its whole length, so more of them at once make each slower and none
sooner done. Whoever cannot be served soon is better told at once than kept waiting.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from medneg.errors import MednegError

PATIENCE = 20.0
"""Seconds that anybody waits for a turn."""

RETRY_SECONDS = 2
"""After how many seconds a refused client may well ask again."""


class Busy(MednegError):
    """All turns are taken and as many wait as may, or waiting took too long."""

    def __str__(self) -> str:
        return f"many are searching at this moment; try again in {RETRY_SECONDS} seconds"


class Turns:
    """First come, first served; shared by threads and by coroutines.

    Args:
        searches: how many turns there are, at least 1.
        waiting: how many may wait for one, at least 0.
    """

    def __init__(self, searches: int, *, waiting: int) -> None:
        if searches < 1 or waiting < 0:
            raise ValueError(f"at least 1 search and 0 waiting; got {searches} and {waiting}")
        self._searches, self._waiting = searches, waiting
        self._lock = threading.Lock()
        self._queue: deque[Future[None]] = deque()
        self._running: set[Future[None]] = set()
        self._refused = 0

    def join(self) -> Future[None]:
        """Ask for a turn; the place is done when the turn has come. Whoever joins must leave.

        Raises:
            Busy: if all turns are taken and as many wait as may.
        """
        place: Future[None] = Future()
        with self._lock:
            if len(self._running) < self._searches:
                self._grant(place)
            elif len(self._queue) < self._waiting:
                self._queue.append(place)
            else:
                self._refused += 1
                raise Busy
        return place

    def leave(self, place: Future[None]) -> None:
        """Give a turn back, or the place in the queue; leaving twice does nothing."""
        with self._lock:
            if place in self._queue:
                self._queue.remove(place)
            elif place in self._running:
                self._running.remove(place)
                if self._queue:
                    self._grant(self._queue.popleft())

    def give_up(self, place: Future[None]) -> None:
        """Leave because waiting took too long, which counts as refused."""
        self.leave(place)
        with self._lock:
            self._refused += 1

    @contextmanager
    def turn(self, patience: float = PATIENCE) -> Iterator[None]:
        """Wait for a turn, in a thread that has nothing else to do, and hold it.

        Raises:
            Busy: if all turns are taken and as many wait as may, or ``patience`` seconds were not enough.
        """
        place = self.join()
        try:
            try:
                place.result(timeout=patience)
            except TimeoutError:
                self.give_up(place)
                raise Busy from None
            yield
        finally:
            self.leave(place)

    @property
    def running(self) -> int:
        """How many hold a turn."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def refused(self) -> int:
        """How many were sent away so far."""
        return self._refused

    def _grant(self, place: Future[None]) -> None:
        self._running.add(place)
        place.set_result(None)
