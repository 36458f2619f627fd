"""What an index is: the protocol that every one follows, and what is known of a kind before it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Engine

from medneg.archive.filters import Where
from medneg.archive.places import Place
from medneg.archive.ranking import Found
from medneg.values import Plan

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    from medneg.archive.store import Archive

Progress = Callable[[int, int], None]
"""Called with (done, in all)."""


class Index(Protocol):
    """Finds the best images of a plan."""

    def search(self, plan: Plan, k: int, *, where: Where, among: NDArray[int64] | None = None) -> Found:
        """Rank the images of a space by a plan's exact scores over the float32 truth.

        Args:
            plan: of the index's space.
            k: how many images are wanted, at least 1.
            where: the filter; only images that pass it are ranked.
            among: ids of the only images that may be ranked, ascending, shape (m,); None for all.

        Returns:
            min(k, images that may be ranked) images from an exact index; an approximate one may miss some.

        Raises:
            ValueError: if k is below 1, or the plan is not finite or not as wide as the space.
            ArchiveError: if the index cannot be reached.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What an index is made from.

    Attributes:
        archive: holds the truth, the filters and the scan matrix.
        engine, place: of its database.
        folder: for files that belong to the space and can be made again; may not exist yet.
        fingerprint: the image fingerprint of the space.
    """

    archive: Archive
    engine: Engine
    place: Place
    folder: Path
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    """Whether a kind of index can be used in a space.

    Attributes:
        name: of the kind.
        ready: whether it can.
        count: how many images it holds.
        note: what there is to know, or to do, in a sentence.
    """

    name: str
    ready: bool
    count: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexKind:
    """One kind of index.

    Attributes:
        name: what people call it.
        open: makes one ready to search. Raises ArchiveError, with what to do, where it cannot be used.
        state: never raises for an index that is missing, stale or out of reach; it says so.
        build: builds it, or brings it up to date; None for one that needs no building.
        drop: takes it away; None for one that stays.
    """

    name: str
    open: Callable[[Source], Index]
    state: Callable[[Source], IndexState]
    build: Callable[[Source, Progress], None] | None = None
    drop: Callable[[Source], None] | None = None
