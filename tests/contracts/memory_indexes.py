"""Brute force in the place of an index: every float32 row is scored, and the scores are sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from medneg.archive import Where
from medneg.archive.indexes import AUTOMATIC, Choice, Index, IndexState, Progress
from medneg.archive.ranking import Found, Ranking
from medneg.errors import ArchiveError, UnknownName
from medneg.scoring.plan import contributions, total
from medneg.values import Plan

if TYPE_CHECKING:
    from tests.contracts.memory_archive import MemoryArchive


class MemoryIndexes:
    """The only index of a space in memory, by the name of the one that every archive has."""

    def __init__(self, archive: MemoryArchive, fingerprint: str) -> None:
        self._archive, self._fingerprint = archive, fingerprint

    def open(self, name: str = AUTOMATIC) -> Index:
        _check_name(name)
        return BruteForce(self._archive, self._fingerprint)

    def choice(self) -> Choice:
        return Choice(name="scan", reason="there is no other")

    def states(self) -> tuple[IndexState, ...]:
        sizes = {space.image_fingerprint: space.count for space in self._archive.spaces()}
        count = sizes.get(self._fingerprint, 0)
        return (IndexState(name="scan", ready=count > 0, count=count, note="brute force"),)

    def build(self, name: str, progress: Progress | None = None) -> IndexState:
        _check_name(name)
        self._archive.matrix(self._fingerprint, progress)
        return self.states()[0]

    def drop(self, name: str) -> None:
        _check_name(name)
        raise ArchiveError(f"the index {name} is a part of the archive and cannot be dropped")


class BruteForce:
    """Scores every allowed image of an archive and sorts: what any exact index must agree with."""

    def __init__(self, archive: MemoryArchive, fingerprint: str) -> None:
        self._archive, self._fingerprint = archive, fingerprint

    def search(self, plan: Plan, k: int, *, where: Where, among: NDArray[int64] | None = None) -> Found:
        ids = self._archive.matrix(self._fingerprint).ids
        allowed = ids[self._archive.mask(where, ids)]
        if among is not None:
            allowed = np.array([image for image in allowed if image in set(among.tolist())], int64)
        truth = self._archive.vectors(self._fingerprint, allowed.tolist())
        return Found(ranking=ranked(plan, allowed, truth, k), considered=len(allowed), how="brute force")


def ranked(plan: Plan, ids: NDArray[int64], truth: NDArray[np.float32], k: int) -> Ranking:
    """The k best of some images, ids (n,) and vectors (n, d); equal scores stand in the order of ids."""
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    parts = contributions(plan, truth)
    scores = total(parts)
    if not np.isfinite(scores).all():
        raise ValueError("the directions, weights and offsets of a plan must be finite")
    best = sorted(range(len(ids)), key=lambda row: (-scores[row], ids[row]))[:k]
    return Ranking(
        ids=ids[best], scores=scores[best], contributions=parts[best], exact=True, rescored=len(ids)
    )


def _check_name(name: str) -> None:
    if name not in (AUTOMATIC, "scan"):
        raise UnknownName("index", name, known=(AUTOMATIC, "scan"))
