"""A search of pgvector's HNSW index: images near the plan's bounding vector, scored by the plan itself.

One statement walks through the graph and brings the truth of what it found, so that a plan of many terms
costs little more than one of a single term. (To score by the terms in SQL first halves what travels, and took
longer.) Where the index would serve badly (log-probabilities, many hits, filters that let through few
images), every half is scanned instead, and the answer says so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, cast, literal, select

from medneg.archive.bulk import BINARY
from medneg.archive.filters import Where
from medneg.archive.halfvec import Halfvec
from medneg.archive.indexes.kinds import Source
from medneg.archive.indexes.pgvector.asking import Allowed, Ids, asking, checked, configure
from medneg.archive.indexes.pgvector.formulas import Direction
from medneg.archive.indexes.pgvector.scan import ranked
from medneg.archive.indexes.probing import aim
from medneg.archive.matrix import ScanMatrix
from medneg.archive.ranking import Found, Scored
from medneg.archive.reading import stack
from medneg.archive.schema import Embedding, Half
from medneg.values import LogProbability, Plan

EF = 400
"""Candidates that a search of the graph keeps: with more it finds more, and takes longer."""
MOST_EF = 1000
"""As many as pgvector allows."""

NARROW = 20_000
"""Of fewer images, all are looked at: to find 400 that pass a filter which lets the share s through, the
index visits 400/s. Of 100,000 images of 512 values, where 16,780 pass, a scan takes 151 ms and the index 206;
where 49,879 pass, 212 and 133 (on two busy cores). Both times go with n, so this is a number and no share."""

_SCORED = 128  # float32 vectors that come and are scored, unless four times as many as hits are more; with
# all of the 400 a search of a million images takes about half as long again
_PATIENCE = 4  # how many times the images that should do are visited until enough pass a filter
_LEAST_VISITED = 20_000  # pgvector's own limit
_VISITED_IN_WORK_MEM = 10_000


class PgvectorIndex:
    """Takes its candidates from the HNSW index of a space."""

    def __init__(self, source: Source, *, ef: int = EF) -> None:
        """``ef`` is how many candidates a search keeps, in [1, 1000].

        Raises:
            ValueError: if it is not.
        """
        if not 1 <= ef <= MOST_EF:
            raise ValueError(f"ef must be in [1, {MOST_EF}]; got {ef}")
        self._source = source
        self._ef = ef

    def search(self, plan: Plan, k: int, *, where: Where, among: Ids | None = None) -> Found:
        """See ``medneg.archive.indexes.Index.search``; exact only where every image was looked at."""
        some = checked(self._source, plan, k)
        with asking(self._source) as connection:
            allowed = Allowed.of(connection, self._source.fingerprint, where=where, among=among)
            reason = _obstacle(plan, k, allowed)
            if reason is None:
                found = self._nearest(connection, plan, k, allowed=allowed, some=some)
                if len(found.ids) >= min(k, allowed.count):
                    how = f"HNSW index in PostgreSQL, ef {self._ef}"
                    return Found(ranking=found.best(k, exact=False), considered=allowed.count, how=how)
                reason = "the HNSW index found too few"
            ranking = ranked(connection, plan, k, allowed=allowed, some=some)
        how = f"scan of float16 rows in PostgreSQL, for {reason}"
        return Found(ranking=ranking, considered=allowed.count, how=how)

    def _nearest(
        self, connection: Connection, plan: Plan, k: int, *, allowed: Allowed, some: ScanMatrix
    ) -> Scored:
        """The nearest to the plan's probe, scored by the plan over the truth."""
        kept, count = max(self._ef, 4 * k), max(_SCORED, 4 * k)
        visited = max(_PATIENCE * kept * allowed.space // max(allowed.count, 1), _LEAST_VISITED)
        settings = {
            "hnsw.ef_search": str(min(kept, MOST_EF)),
            "hnsw.iterative_scan": "relaxed_order",
            "enable_sort": "off",  # only the HNSW index gives its images in order
            "enable_material": "off",  # each of them is looked up, not sought in a list of all that pass
            "hnsw.max_scan_tuples": str(min(visited, 2**31 - 1)),
            "hnsw.scan_mem_multiplier": str(min(1 + visited // _VISITED_IN_WORK_MEM, 1000)),
        }
        configure(connection, settings)
        probe = aim(plan, some, k=k, count=allowed.space)
        nearest = _truth_of_nearest(allowed, probe.vector, count)
        rows = connection.execute(nearest, execution_options=BINARY).all()
        ids, vectors = [row.image_id for row in rows], [row.vector for row in rows]
        scored = Scored(plan)
        scored.add(np.array(ids, np.int64), stack(vectors, plan.width))
        return scored


def _truth_of_nearest(allowed: Allowed, vector: NDArray[np.float32], count: int) -> Select[int, bytes]:
    """Image ids and float32 vectors of the nearest to a vector, asked in the form that the index serves."""
    towards = cast(literal(Direction.of(vector.astype(np.float64)).half, Halfvec()), Halfvec())
    product = cast(Half.vector, Halfvec(len(vector))).op("<#>")(towards)
    nearest = allowed.select(Half.image_id).order_by(product).limit(count)
    candidates = nearest.cte("candidates").prefix_with("MATERIALIZED")
    return (
        select(Embedding.image_id, Embedding.vector)
        .join(candidates, candidates.c.image_id == Embedding.image_id)
        .where(Embedding.image_fingerprint == allowed.fingerprint)
    )


def _obstacle(plan: Plan, k: int, allowed: Allowed) -> str | None:
    """Why the index would serve badly; None if it would not."""
    if any(isinstance(term.response, LogProbability) for term in plan.terms):
        return "the plan has log-probabilities"
    if 4 * k > MOST_EF:
        return f"{k:,} images are more than an HNSW index finds well"
    if allowed.among is not None:
        return "only certain images may be hits"
    if allowed.count < min(NARROW, allowed.space):
        return f"the filter lets only {allowed.count:,} images through"
    return None
