"""What a search of one embedding space comes back with, whichever index it went through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medneg.scoring import plan as arithmetic
from medneg.values import Plan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """The best images of a plan, best first; equal scores stand in the order of their ids.

    Attributes:
        ids: shape (m,), m ≤ k.
        scores: exact scores over the float32 truth, shape (m,).
        contributions: per term of the plan, shape (m, terms); a score is the sum of its row.
        exact: whether it is proved that no other row belongs here. It is not when a fetched vector is not
            the one that the matrix holds, because the archive was changed meanwhile.
        rescored: how many rows were scored exactly in the end.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    contributions: NDArray[np.float64]
    exact: bool
    rescored: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What an index found.

    Attributes:
        ranking: the best images, with their exact scores.
        considered: how many images were allowed to be among them.
        how: the way it went, for people ("exact scan, float16 on 2 cores").
    """

    ranking: Ranking
    considered: int
    how: str


class Scored:
    """Images whose exact scores by a plan are known, each once; every index ranks from these."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.ids = np.empty(0, np.int64)
        self._parts = np.empty((0, len(plan.terms)))

    def add(self, ids: NDArray[np.int64], truth: NDArray[np.float32]) -> None:
        """Score more images, ids (m,), over their float32 vectors (m, d)."""
        self.ids = np.concatenate([self.ids, ids])
        self._parts = np.concatenate([self._parts, arithmetic.contributions(self._plan, truth)])

    def keep(self, k: int) -> None:
        """Forget all but the best k."""
        order = self._order()[:k]
        self.ids, self._parts = self.ids[order], self._parts[order]

    def reach(self, k: int) -> float:
        """The k-th best score, k ≥ 1: what another image must have to be among the best; -inf below k."""
        scores = arithmetic.total(self._parts)
        return float(np.partition(scores, -k)[-k]) if len(scores) >= k else -np.inf

    def best(self, k: int, *, exact: bool, rescored: int | None = None) -> Ranking:
        """The best k.

        Args:
            k: how many.
            exact: whether no other image belongs among them.
            rescored: how many images were scored; None for those that are known now.
        """
        order = self._order()[:k]
        parts = self._parts[order]
        return Ranking(
            ids=self.ids[order],
            scores=arithmetic.total(parts),
            contributions=parts,
            exact=exact,
            rescored=len(self.ids) if rescored is None else rescored,
        )

    def _order(self) -> NDArray[np.int64]:
        return np.lexsort((self.ids, -arithmetic.total(self._parts)))
