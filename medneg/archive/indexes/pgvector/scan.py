"""The exact scan in SQL: the server bounds the score of every image, in parallel, and sends the highest.

One product with the vector that bounds the plan (``medneg.scoring.plan.bound``) is enough for most plans, so
that they cost what plain cosine does. Where it leaves too many images in reach of the best, a second scan
bounds every term of those by itself.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Double, Select, literal, select

from medneg.archive.bounds import sampled_shares
from medneg.archive.filters import Where
from medneg.archive.indexes.kinds import Source
from medneg.archive.indexes.pgvector.asking import (
    FENCE,
    Allowed,
    Candidates,
    Ids,
    asking,
    checked,
    highest,
)
from medneg.archive.indexes.pgvector.formulas import Formula
from medneg.archive.matrix import ScanMatrix
from medneg.archive.ranking import Found, Ranking
from medneg.archive.schema import Half
from medneg.values import Plan

FIRST_CANDIDATES = 256
"""Their exact scores take a fraction of what a second scan would."""

_GROWTH = 8


class PgvectorScan:
    """Goes through every half that may be ranked, and proves that nothing better was left out."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def search(self, plan: Plan, k: int, *, where: Where, among: Ids | None = None) -> Found:
        """See ``medneg.archive.indexes.Index.search``; the ranking is exact."""
        some = checked(self._source, plan, k)
        with asking(self._source) as connection:
            allowed = Allowed.of(connection, self._source.fingerprint, where=where, among=among)
            ranking = ranked(connection, plan, k, allowed=allowed, some=some)
        return Found(ranking=ranking, considered=allowed.count, how="scan of float16 rows in PostgreSQL")


def ranked(connection: Connection, plan: Plan, k: int, *, allowed: Allowed, some: ScanMatrix) -> Ranking:
    """The exact best k of the images that may be ranked.

    Args:
        connection: in a transaction of ``asking``.
        plan: of the space.
        k: at least 1.
        allowed: the images.
        some: images of the space, to choose the bounding vector by.
    """
    shares = sampled_shares(plan, some, k=k, count=allowed.space).tolist()
    whole = Formula.of_bound(plan, shares)
    candidates = Candidates(plan, allowed.fingerprint, whole.directions[0])
    k, count = min(k, allowed.count), max(FIRST_CANDIDATES, 4 * k)
    if k == 0:
        return candidates.best(0, proved=True)
    rows = connection.execute(_by_one_product(allowed, whole, count)).all()
    candidates.look(connection, rows)
    terms = Formula.of_plan(plan)
    asked = count
    while len(rows) == asked and candidates.reach(k) <= rows[-1].bound:
        asked, count = count, count * _GROWTH
        statement = _by_all_products(allowed, whole, terms, reach=candidates.reach(k), count=asked)
        rows = connection.execute(statement).all()
        candidates.look(connection, rows)
    return candidates.best(k, proved=True)


def _by_one_product(allowed: Allowed, whole: Formula, count: int) -> Select[Any]:
    """Of all images, those with the highest bounds from one product."""
    computed = allowed.select(Half.image_id, *whole.products(Half.vector, "u")).offset(FENCE).subquery()
    return highest(computed, whole, prefix="u", product="u0", count=count)


def _by_all_products(
    allowed: Allowed, whole: Formula, terms: Formula, *, reach: float, count: int
) -> Select[Any]:
    """Of the images that one product leaves in reach, those with the highest bounds from all of them."""
    columns = (Half.image_id, Half.vector.label("vector"))
    first = allowed.select(*columns, *whole.products(Half.vector, "u")).offset(FENCE).subquery()
    second = (
        select(first.c.image_id, first.c.u0, *terms.products(first.c.vector, "p"))
        .where(whole.bound(first, "u") >= literal(reach, Double()))
        .offset(FENCE)
        .subquery()
    )
    return highest(second, terms, prefix="p", product="u0", count=count)
