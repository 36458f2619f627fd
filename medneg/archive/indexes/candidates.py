"""A whole index from one function that finds approximately nearest images.

A new approximate index says how to find about the ``m`` images of the highest inner product with a vector,
and ``CandidateIndex`` does the rest:

    def nearest(probe: Probe, m: int) -> Near:
        ids, products = library.search(probe.vector, m)  # rows are unit vectors, so this is cosine too
        return Near.of(ids, products, probe=probe, asked=m)

    IndexKind(name="…", open=lambda source: CandidateIndex(source, nearest, count=n, how="…"), …)

It makes the probe (the vector that bounds the plan's score), asks for candidates, lets the archive say which
of them the filter lets through, scores those over the float32 truth, and asks for more until no image that
the index passed over could be among the best, as far as the index can tell. Where the filter lets so few
images through that looking at all of them costs no more than the candidates would, it does that, and the
ranking is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medneg.archive.bounds import require_rankable
from medneg.archive.filters import Where
from medneg.archive.indexes.kinds import Source
from medneg.archive.indexes.probing import Probe, aim, sample
from medneg.archive.indexes.truth import Truth
from medneg.archive.ranking import Found
from medneg.archive.scan import FIRST_CANDIDATES
from medneg.values import Plan

MOST_SCORED = 8192
"""Candidates that are fetched and scored before an answer stays as it is: 16 MB of 512 float32 each."""
MOST_ASKED = 65_536
"""Candidates that an index is asked for at once, of which a filter lets some through."""
MOST_EXACT = 20_000
"""Images that are looked at one by one when candidates do not settle the question."""

_GROWTH = 4

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Near:
    """What an index found.

    Attributes:
        ids: of images worth looking at, shape (m,), in any order.
        ceiling: about the highest score of an image that is not among them; -inf when there is no other.
    """

    ids: Ids
    ceiling: float

    @classmethod
    def of(cls, ids: Ids, products: NDArray[np.floating], *, probe: Probe, asked: int) -> Near:
        """All nearest images that were found, with their products with the probe's vector, shape (m,)."""
        ceiling = probe.ceiling(float(products.min())) if 0 < asked <= len(ids) else -math.inf
        return cls(ids=ids, ceiling=ceiling)


Nearest = Callable[[Probe, int], Near]
"""Finds about the m images of a space that are nearest to a probe."""


class CandidateIndex:
    """An approximate index; see the module."""

    def __init__(
        self, source: Source, nearest: Nearest, *, count: int, how: str, again: Nearest | None = None
    ) -> None:
        """An index over nearest images.

        Args:
            source: of the space.
            nearest: finds them.
            count: how many images it holds, all of its space.
            how: names it for people.
            again: is asked where the first question did not settle it, and may look at more than it names;
                None for ``nearest``.
        """
        self._source = source
        self._nearest = nearest
        self._again = again or nearest
        self._count = count
        self._how = how

    def search(self, plan: Plan, k: int, *, where: Where, among: Ids | None = None) -> Found:
        """See ``medneg.archive.indexes.Index.search``; exact only where every image was looked at."""
        some = sample(self._source, self._count)
        require_rankable(plan, k, some.width)
        truth = Truth(self._source, plan, where=where, among=among)
        allowed = self._count if where.everything and among is None else truth.count()
        wanted = min(k, allowed)
        asked = math.ceil(max(FIRST_CANDIDATES, 2 * k) * self._count / max(allowed, 1))
        most = min(MOST_ASKED, allowed - 1, max(asked, MOST_SCORED * self._count // max(allowed, 1)))
        if asked <= most:
            probe, ask = aim(plan, some, k=k, count=self._count), self._nearest
        while asked <= most:
            near = ask(probe, asked)
            truth.look(near.ids)
            if truth.reaches(wanted, near.ceiling):
                return self._approximate(truth, wanted, allowed, asked)
            asked, ask = asked * _GROWTH, self._again
        if allowed > MOST_EXACT and len(truth.ids) >= wanted:
            return self._approximate(truth, wanted, allowed, asked // _GROWTH)
        how = f"all {allowed:,} images that may be ranked, in SQL"
        return Found(ranking=truth.look_at_all(wanted), considered=allowed, how=how)

    def _approximate(self, truth: Truth, k: int, allowed: int, asked: int) -> Found:
        how = f"{self._how}, {asked:,} candidates"
        return Found(ranking=truth.best(k), considered=allowed, how=how)
