"""One space's vectors in Qdrant: where the server is, what it holds, and every request that is made of it.

Qdrant never learns more than image ids and vectors; filters, people and reports stay in the archive.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from medneg.archive.places import key_check
from medneg.errors import ArchiveError

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import CollectionInfo, QueryRequest, ScoredPoint, SearchParams

    from medneg.archive.indexes.kinds import Source

URL, KEY = "MEDNEG_QDRANT_URL", "MEDNEG_QDRANT_API_KEY"

EDGES = 32
"""Links of a row in the HNSW graph; twice Qdrant's 16, for recall."""
BUILDING, SEARCHING = 256, 512
"""Rows that HNSW keeps in sight as it builds, and as it searches. Of the nearest 64 of 24 probes among 4,055
phantoms it found .956 with 64 in sight, .982 with 128, .996 with 256 and all with 512."""

_ASKING_SECONDS, _FILLING_SECONDS = 10, 120
_PAGE = 10_000
_DECIMALS = 6  # float16 of a number below 1 has no more than 2⁻¹¹ of itself to lose, and JSON is shorter
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LOCAL = threading.RLock()  # the client's local mode is not made for threads

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a collection says of itself.

    Attributes:
        stamp: what the space looked like when the collection held all of it; empty before that.
        last: embeddings up to this id have been uploaded.
        count: about how many points it holds.
        busy: whether the server still builds its graph; it scans what is not in it.
    """

    stamp: str
    last: int
    count: int
    busy: bool


class Collection:
    """The collection of one space. Every method raises ArchiveError if Qdrant cannot be asked."""

    def __init__(self, source: Source, *, filling: bool = False) -> None:
        """``filling`` waits longer for an answer.

        Raises:
            ArchiveError: if nothing says where Qdrant is, or its client is not installed.
        """
        url = os.environ.get(URL, "")
        _check(url, os.environ.get(KEY))
        seconds = 0 if "://" not in url else _FILLING_SECONDS if filling else _ASKING_SECONDS
        owner = f"{key_check(source.archive.pseudonym_key)} {source.fingerprint}"
        self.shown = url
        self.name = f"medneg-{hashlib.sha256(owner.encode()).hexdigest()[:24]}"
        with _translated(url):
            self._client = _client(url, os.environ.get(KEY), seconds)

    def known(self) -> Known | None:
        """What is there; None where there is no such collection."""
        info = self._info()
        if info is None:
            return None
        told = info.config.metadata or {}
        return Known(
            stamp=str(told.get("stamp", "")),
            last=int(told.get("last", 0)),
            count=info.points_count or 0,
            busy=info.status == "yellow",
        )

    def make(self, width: int) -> None:
        """Make it anew, empty: float16 rows of some width on disk, the graph in memory."""
        from qdrant_client import models

        self.drop()
        with _translated(self.shown):
            self._client.create_collection(
                self.name,
                vectors_config=models.VectorParams(
                    size=width,
                    distance=models.Distance.DOT,
                    datatype=models.Datatype.FLOAT16,
                    on_disk=True,
                ),
                hnsw_config=models.HnswConfigDiff(m=EDGES, ef_construct=BUILDING),
                metadata={"stamp": "", "last": 0},
            )
        info = self._info()
        if info is None or info.config.metadata is None:
            raise ArchiveError(f"Qdrant at {self.shown} keeps no notes on collections; 1.16 or newer does")

    def drop(self) -> None:
        """Take it away, if it is there."""
        with _translated(self.shown):
            self._client.delete_collection(self.name)

    def note(self, **facts: Any) -> None:
        """Write ``stamp`` or ``last`` down; what is not named stays."""
        with _translated(self.shown):
            self._client.update_collection(self.name, metadata=facts)

    def put(self, ids: Ids, vectors: NDArray[np.float32]) -> None:
        """Add points, or replace those with the same ids: vectors of shape (m, d)."""
        from qdrant_client import models

        rows = np.round(vectors.astype(np.float64), _DECIMALS).tolist()
        with _translated(self.shown):
            self._client.upsert(self.name, models.Batch(ids=ids.tolist(), vectors=rows), wait=True)

    def remove(self, ids: Ids) -> None:
        """Take points away."""
        from qdrant_client import models

        with _translated(self.shown):
            self._client.delete(self.name, models.PointIdsList(points=ids.tolist()), wait=True)

    def count(self) -> int:
        """How many points it holds."""
        with _translated(self.shown):
            return int(self._client.count(self.name, exact=True).count)

    def pages(self) -> Iterator[tuple[Ids, bool]]:
        """All ids in their order, a page at a time, and whether it is the last."""
        offset: Any = None
        while True:
            with _translated(self.shown):
                points, offset = self._client.scroll(
                    self.name, limit=_PAGE, offset=offset, with_payload=False, with_vectors=False
                )
            yield np.array([point.id for point in points], np.int64), offset is None
            if offset is None:
                return

    def params(self, **how: Any) -> SearchParams | None:
        """How a search goes; None for the client's local mode, which looks at every row in any case."""
        from qdrant_client import models

        return models.SearchParams(**how) if "://" in self.shown else None

    def ask(self, requests: Sequence[QueryRequest]) -> list[list[ScoredPoint]]:
        """The answers to some questions, asked at once."""
        with _translated(self.shown):
            found = self._client.query_batch_points(self.name, requests)
        return [answer.points for answer in found]

    def _info(self) -> CollectionInfo | None:
        from qdrant_client.http.exceptions import UnexpectedResponse

        with _translated(self.shown):
            try:
                return self._client.get_collection(self.name)
            except UnexpectedResponse as error:
                if error.status_code != 404:
                    raise
            except ValueError:  # the same from the client's local mode
                pass
        return None


def configured() -> bool:
    """Whether anything says where Qdrant is."""
    return bool(os.environ.get(URL))


def _check(url: str, key: str | None) -> None:
    """Refuse places that nobody can have meant; what is shown of a good one holds no secret."""
    if not url:
        raise ArchiveError(
            f"nothing says where Qdrant is; set {URL} to https://HOST:6333 (and {KEY} if it wants a key), "
            "to a folder, or to :memory: for a try"
        )
    parts = urlsplit(url)
    if "://" not in url:
        if url != ":memory:" and os.sep not in url:
            raise ArchiveError(f"{URL} must be http(s)://HOST:6333, a folder with a / in it, or :memory:")
    elif parts.scheme not in ("http", "https") or not parts.hostname or "@" in url or parts.query:
        raise ArchiveError(f"{URL} must be http(s)://HOST:6333 and nothing else; a key goes into {KEY}")
    elif key and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ArchiveError(f"{KEY} would travel in the clear; let {URL} begin with https://")


@functools.lru_cache(maxsize=8)
def _client(url: str, key: str | None, seconds: int) -> QdrantClient:
    """A client, kept with its connections; a folder or memory can be opened only once."""
    try:
        from qdrant_client import QdrantClient
    except ImportError:
        raise ArchiveError(
            "the index qdrant needs a client that is not installed; run `pip install 'medneg[qdrant]'`"
        ) from None
    if url == ":memory:":
        return QdrantClient(":memory:", force_disable_check_same_thread=True)
    if "://" not in url:
        return QdrantClient(path=url, force_disable_check_same_thread=True)
    headers = {"api-key": key} if key else None
    return QdrantClient(url=url, headers=headers, timeout=seconds, check_compatibility=False)


# The client's local mode cannot be closed any more once the interpreter takes its modules apart.
atexit.register(_client.cache_clear)


@contextmanager
def _translated(shown: str) -> Iterator[None]:
    """Say in our words what went wrong, without the key and without what was sent."""
    try:
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse
    except ImportError:
        yield
        return
    try:
        if "://" in shown:
            yield
        else:
            with _LOCAL:
                yield
    except ResponseHandlingException as error:
        what = type(error.source).__name__
        raise ArchiveError(f"Qdrant at {shown} cannot be reached ({what}); is it running?") from None
    except UnexpectedResponse as error:
        if error.status_code in (401, 403):
            raise ArchiveError(
                f"Qdrant at {shown} refuses the key; set {KEY} to one that may write"
            ) from None
        raise ArchiveError(f"Qdrant at {shown} answers {error.status_code} ({error.reason_phrase})") from None
    except RuntimeError as error:  # the client's local mode: another process has the folder
        raise ArchiveError(f"Qdrant's folder {shown} cannot be used: {error}") from None
