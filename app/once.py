"""Things that a process makes once and all its threads share: the archive, the encoders, the queue.

Streamlit's own cache of resources can be emptied by any browser that has a page open; this one cannot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_every: list[Once[Any, Any]] = []


class Once(Generic[P, T]):
    """A function that is called once for each set of arguments; threads wait for the one that calls it.

    An error is not kept: the next caller tries again.

    Example:
        >>> made = []
        >>> grow = Once(lambda name: made.append(name) or name)
        >>> grow("a"), grow("a"), made
        ('a', 'a', ['a'])
    """

    def __init__(self, make: Callable[P, T]) -> None:
        self.__doc__ = make.__doc__
        self._make = make
        self._made: dict[Any, T] = {}
        self._lock = threading.RLock()
        _every.append(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (args, tuple(sorted(kwargs.items())))
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(*args, **kwargs)
            return self._made[key]

    def forget(self) -> None:
        """Let go of all that was made."""
        with self._lock:
            self._made.clear()


def forget_all() -> None:
    """Let go of all that any function made: another archive is to be served by this process."""
    for each in _every:
        each.forget()
