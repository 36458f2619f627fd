"""What is counted for Prometheus. No label tells words, paths, pseudonyms or addresses."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.serving.turns import Turns
from medneg.search import Answer

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_NUMBER = re.compile(r"\b\d[\d,.]*\s")


def way(index: str) -> str:
    """The way a search went, without what differs from search to search and from machine to machine.

    Example:
        >>> way("scan of float16 rows on 2 cores"), way("Qdrant, 1,200 candidates")
        ('scan of float16 rows', 'Qdrant')
        >>> way("all 1,024 images that may be ranked, in SQL")
        'all images that may be ranked'
    """
    return _NUMBER.sub("", index).partition(",")[0].partition(" on ")[0]


class Meters:
    """The metrics of one process, in a registry of their own.

    Args:
        turns: whose running, waiting and refused are told.
    """

    def __init__(self, turns: Turns) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "medneg_requests", "Requests by route and status.", ("route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "medneg_request_seconds",
            "Time from a request to the end of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._searches = Counter(
            "medneg_searches",
            "Searches answered, by door and index.",
            ("door", "index"),
            registry=self._registry,
        )
        self._images = Gauge("medneg_archive_images", "Images in the archive.", registry=self._registry)
        running = Gauge("medneg_searches_running", "Searches that run.", registry=self._registry)
        running.set_function(lambda: float(turns.running))
        waiting = Gauge("medneg_searches_waiting", "Searches that wait.", registry=self._registry)
        waiting.set_function(lambda: float(turns.waiting))
        refused = Gauge(
            "medneg_searches_refused", "Searches sent away as busy since the start.", registry=self._registry
        )
        refused.set_function(lambda: float(turns.refused))

    def requested(self, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is a template, never an address."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def searched(self, answer: Answer, *, door: str) -> None:
        """Count a search that came in by a door, "page" or "api"."""
        self._searches.labels(door, way(answer.index)).inc()

    def holds(self, images: int) -> None:
        """Tell how many images the archive holds."""
        self._images.set(images)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)
