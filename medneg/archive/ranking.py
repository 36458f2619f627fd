"""What a search of one embedding space comes back with, whichever index it went through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
