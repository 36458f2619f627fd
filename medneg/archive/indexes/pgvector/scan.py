"""The exact scan in SQL: the server bounds the score of every image, in parallel, and sends the highest.

One product with the vector that bounds the plan (``medneg.scoring.plan.bound``) is enough for linear and
repulsion terms, so that such plans cost what plain cosine does. Where it leaves too many images in reach of
the best, another scan bounds every term of those by itself. Log-probabilities are curved where the best
images are, and no line stays near them: how good the best of a portion are is found out first, and the scan
that follows bounds every term of those images that the line leaves in reach of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Row,
    Select,
    Subquery,
    literal,
    literal_column,
    select,
)

from medneg.archive import reading
from medneg.archive.bounds import sampled_shares
from medneg.archive.filters import Where
from medneg.archive.indexes.kinds import Source
from medneg.archive.indexes.pgvector.asking import Allowed, Ids, asking, checked
from medneg.archive.indexes.pgvector.formulas import Direction, Formula
from medneg.archive.matrix import ScanMatrix
from medneg.archive.ranking import Found, Ranking, Scored
from medneg.archive.scan import FETCHED_AT_ONCE
from medneg.values import LogProbability, Plan

FIRST_CANDIDATES = 256
"""Their exact scores take a fraction of what a second scan would."""

PORTION = 20_000
"""Images that are looked at first, drawn by pages at random; an archive of fewer is looked at as a whole."""

FENCE: ColumnElement[int] = literal_column("'0'::bigint")
"""An offset that moves nothing: what the query inside computes is computed once. OFFSET 0 would do the same,
but PostgreSQL 18 runs no parallel scan underneath it."""

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
    first, terms = Formula.of_bound(plan, shares), Formula.of_plan(plan)
    candidates = _Candidates(plan, allowed.fingerprint, first.directions[0])
    k, count = min(k, allowed.count), max(FIRST_CANDIDATES, 4 * k)
    if k == 0:
        return candidates.best(0, proved=True)

    def ask(images: Allowed, asked: int) -> Sequence[Row[Any]]:
        statement = _highest_in_reach(images, first, terms, reach=candidates.reach(k), count=asked)
        rows = connection.execute(statement).all()
        candidates.look(connection, rows)
        return rows

    curved = any(isinstance(term.response, LogProbability) for term in plan.terms)
    if curved and allowed.count > PORTION:
        ask(allowed.portion(PORTION), count)
    if curved:
        rows = ask(allowed, count)
    else:
        rows = connection.execute(_highest_of_all(allowed, first, count)).all()
        candidates.look(connection, rows)
    asked = count
    while len(rows) == asked and candidates.reach(k) <= rows[-1].bound:
        asked *= _GROWTH
        rows = ask(allowed, asked)
    return candidates.best(k, proved=True)


class _Candidates:
    """Images whose exact scores are known."""

    def __init__(self, plan: Plan, fingerprint: str, direction: Direction) -> None:
        """``direction`` is the one that the products in ``look`` are of."""
        self._fingerprint = fingerprint
        self._direction = direction
        self._held = True
        self._scored = Scored(plan)

    def look(self, connection: Connection, rows: Sequence[Row[Any]]) -> None:
        """Score more images over the truth; of those in rows that are known already nothing is done.

        Args:
            connection: of the transaction that the rows come from.
            rows: of ``_highest``.
        """
        products: dict[int, float] = {row.image_id: row.product for row in rows}
        new = np.setdiff1d(np.fromiter(products, np.int64, len(products)), self._scored.ids)
        for start in range(0, len(new), FETCHED_AT_ONCE):
            ids = new[start : start + FETCHED_AT_ONCE]
            truth = reading.vectors(connection, self._fingerprint, ids.tolist())
            found = np.array([products[image] for image in ids.tolist()])
            self._held &= bool(self._direction.agrees(truth, found).all())
            self._scored.add(ids, truth)

    def reach(self, k: int) -> float:
        """See ``medneg.archive.ranking.Scored.reach``."""
        return self._scored.reach(k)

    def best(self, k: int, *, proved: bool) -> Ranking:
        """The best k; exact only if that is proved and no half turned out to be another vector's."""
        return self._scored.best(k, exact=proved and self._held)


def _highest_of_all(allowed: Allowed, first: Formula, count: int) -> Select[Any]:
    """Of all images, those with the highest bounds."""
    halves = allowed.halves
    computed = allowed.select(halves.image_id, *first.products(halves.vector, "u")).offset(FENCE).subquery()
    return _highest(computed, first, prefix="u", product="u0", count=count)


def _highest_in_reach(
    allowed: Allowed, first: Formula, terms: Formula, *, reach: float, count: int
) -> Select[Any]:
    """Of the images that the first bound leaves in reach, those with the highest bounds of all terms."""
    halves = allowed.halves
    columns = (halves.image_id, halves.vector.label("vector"))
    inner = allowed.select(*columns, *first.products(halves.vector, "u")).offset(FENCE).subquery()
    outer = (
        select(inner.c.image_id, inner.c.u0, *terms.products(inner.c.vector, "p"))
        .where(first.bound(inner, "u") >= literal(reach, Double()))
        .offset(FENCE)
        .subquery()
    )
    return _highest(outer, terms, prefix="p", product="u0", count=count)


def _highest(computed: Subquery, formula: Formula, *, prefix: str, product: str, count: int) -> Select[Any]:
    """Image id, product and bound of those with the highest bounds, highest first.

    Args:
        computed: a query of the formula's products.
        formula: the bound.
        prefix: of its products' names.
        product: the name of the product that is wanted.
        count: how many.
    """
    bound = formula.bound(computed, prefix).label("bound")
    statement = select(computed.c.image_id, computed.c[product].label("product"), bound)
    return statement.order_by(bound.desc()).limit(count)
