"""A search of pgvector's HNSW index: candidates near the plan's bounding vector, scored by the plan in SQL.

Where the index would serve badly (log-probabilities, many hits, filters that let few images through), every
half is scanned instead, and the answer says so.
"""

from __future__ import annotations

import numpy as np
from sqlalchemy import CTE, Connection, cast, literal, select

from medneg.archive.filters import Where
from medneg.archive.halfvec import Halfvec
from medneg.archive.indexes.kinds import Source
from medneg.archive.indexes.pgvector.asking import (
    FENCE,
    Allowed,
    Candidates,
    Doubles,
    Ids,
    asking,
    checked,
    configure,
    highest,
)
from medneg.archive.indexes.pgvector.formulas import Direction, Formula
from medneg.archive.indexes.pgvector.scan import ranked
from medneg.archive.indexes.probing import aim
from medneg.archive.matrix import ScanMatrix
from medneg.archive.ranking import Found
from medneg.archive.schema import Half
from medneg.values import LogProbability, Plan

EF = 400
"""Candidates that a search of the graph keeps: with more it finds more, and takes longer."""
MOST_EF = 1000
"""As many as pgvector allows."""

NARROW = 20_000
"""Of fewer images, all are looked at: to find 400 that pass a filter which lets the share s through, the
index visits 400/s. Of 100,000 images of 512 values, where 16,780 pass, a scan takes 151 ms and the index 206;
where 49,879 pass, 212 and 133 (on two busy cores). Both times go with n, so this is a number and no share."""

_SCORED = 128  # halves that the plan scores in SQL, unless four times as many as hits are more; with all of
# the 400, three terms cost 1.4 times what plain cosine costs over a million images, and find no more
_FETCHED = 64  # float32 vectors, unless four times as many as hits are more
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
                    return Found(ranking=found.best(k, proved=False), considered=allowed.count, how=how)
                reason = "the HNSW index found too few"
            ranking = ranked(connection, plan, k, allowed=allowed, some=some)
        how = f"scan of float16 rows in PostgreSQL, for {reason}"
        return Found(ranking=ranking, considered=allowed.count, how=how)

    def _nearest(
        self, connection: Connection, plan: Plan, k: int, *, allowed: Allowed, some: ScanMatrix
    ) -> Candidates:
        """The best of the candidates, by the bounds that the plan itself has in SQL."""
        kept, scored = max(self._ef, 4 * k), max(_SCORED, 4 * k)
        visited = max(_PATIENCE * kept * allowed.space // max(allowed.count, 1), _LEAST_VISITED)
        settings = {
            "hnsw.ef_search": str(min(kept, MOST_EF)),
            "hnsw.iterative_scan": "relaxed_order",
            "enable_sort": "off",  # only the HNSW index gives its images in order
            "hnsw.max_scan_tuples": str(min(visited, 2**31 - 1)),
            "hnsw.scan_mem_multiplier": str(min(1 + visited // _VISITED_IN_WORK_MEM, 1000)),
        }
        configure(connection, settings)
        probe = aim(plan, some, k=k, count=allowed.space)
        formula = Formula.of_plan(plan)
        nearest = _nearest(allowed, plan.width, probe.vector.astype(np.float64), scored)
        computed = select(nearest.c.image_id, *formula.products(nearest.c.vector, "p")).offset(FENCE)
        count = max(_FETCHED, 4 * k)
        best = highest(computed.subquery(), formula, prefix="p", product="p0", count=count)
        found = Candidates(plan, allowed.fingerprint, formula.directions[0])
        found.look(connection, connection.execute(best).all())
        return found


def _nearest(allowed: Allowed, width: int, vector: Doubles, count: int) -> CTE:
    """Image ids and halves of the nearest to a vector, asked in the form that the index serves."""
    towards = cast(literal(Direction.of(vector).half, Halfvec()), Halfvec())
    product = cast(Half.vector, Halfvec(width)).op("<#>")(towards)
    statement = allowed.select(Half.image_id, Half.vector).order_by(product).limit(count)
    return statement.cte("candidates").prefix_with("MATERIALIZED")


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
