"""Work that blocks, away from the event loop; and questions that may hang, asked by one at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")


async def in_thread(work: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
    """Run a function in a thread.

    A service that stops does not wait for it beyond its time: the thread is left behind.

    Args:
        work: blocks, and returns the result.
        limiter: how many threads its kind of work may have; None where the caller sees to it.
    """
    return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter or CapacityLimiter(1))


class Asked(Generic[T]):
    """A question to something that may hang: all who ask at one time share one thread, and wait so long.

    Args:
        question: blocks until it knows.
        seconds: how long anybody waits.
    """

    def __init__(self, question: Callable[[], T], *, seconds: float) -> None:
        self._question, self._seconds = question, seconds
        self._running: asyncio.Task[T] | None = None

    async def __call__(self) -> T | None:
        """The answer; None if there is none in time, or the question failed."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(in_thread(self._question))
            self._running.add_done_callback(_look_at_error)
        task = self._running
        await asyncio.wait({task}, timeout=self._seconds)
        with contextlib.suppress(Exception):
            return task.result() if task.done() else None
        return None


def _look_at_error(task: asyncio.Task[T]) -> None:
    """An error that nobody looks at would be logged when the task is thrown away."""
    if not task.cancelled():
        task.exception()
