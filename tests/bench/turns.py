"""Timing in turns: each kind of work next to the plain one, so that a busy machine slows both alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

WARM_UP = 1
BOOTSTRAPS = 2000
Work = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Wall-clock and processor seconds of some work, and of the plain work beside it, each (rounds,)."""

    seconds: np.ndarray
    processor: np.ndarray
    plain_seconds: np.ndarray
    plain_processor: np.ndarray

    @property
    def ratio(self) -> float:
        """The median of the ratios of such pairs."""
        return float(np.median(self.seconds / self.plain_seconds))

    @property
    def interval(self) -> tuple[float, float]:
        """A 95 % bootstrap interval of the ratio."""
        ratios = self.seconds / self.plain_seconds
        drawn = np.random.default_rng(0).choice(ratios, (BOOTSTRAPS, len(ratios)))
        low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
        return float(low), float(high)

    def to_json(self) -> dict[str, float | int | tuple[float, float]]:
        """The figures that are printed."""
        return {
            "median_ms": 1000 * float(np.median(self.seconds)),
            "p95_ms": 1000 * float(np.quantile(self.seconds, 0.95)),
            "plain_median_ms": 1000 * float(np.median(self.plain_seconds)),
            "plain_p95_ms": 1000 * float(np.quantile(self.plain_seconds, 0.95)),
            "ratio": self.ratio,
            "interval": self.interval,
            "n": len(self.seconds),
        }

    def __str__(self) -> str:
        told, (low, high) = self.to_json(), self.interval
        return (
            f"{told['median_ms']:8.1f} ms  p95 {told['p95_ms']:8.1f}  plain {told['plain_median_ms']:8.1f}  "
            f"ratio {self.ratio:.2f} [{low:.2f}, {high:.2f}]  n = {len(self.seconds)}"
        )


def in_turns(works: Mapping[str, Work], plain: Work, rounds: int) -> dict[str, Turns]:
    """Time each work beside the plain one, round after round; the first rounds are not counted.

    Which of the two comes first alternates: what it reads may then be in memory for the other.
    """
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in works}
    for turn in range(WARM_UP + rounds):
        for name, work in works.items():
            first, second = (work, plain) if turn % 2 else (plain, work)
            took = {first: timed(first), second: timed(second)}
            if turn >= WARM_UP:
                found[name].append((*took[work], *took[plain]))
    return {name: _turns(np.array(pairs)) for name, pairs in found.items()}


def _turns(pairs: np.ndarray) -> Turns:
    seconds, processor, plain_seconds, plain_processor = pairs.T
    return Turns(
        seconds=seconds,
        processor=processor,
        plain_seconds=plain_seconds,
        plain_processor=plain_processor,
    )


def timed(work: Work) -> tuple[float, float]:
    """Wall-clock and processor seconds."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - used
