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

from sqlalchemy import Connection, Double, Row, Select, literal, select

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
from medneg.values import LogProbability, Plan

FIRST_CANDIDATES = 256
"""Their exact scores take a fraction of what a second scan would."""

PORTION = 20_000
"""Images that are looked at first, drawn by pages at random; an archive of fewer is looked at as a whole."""

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
    candidates = Candidates(plan, allowed.fingerprint, first.directions[0])
    k, count = min(k, allowed.count), max(FIRST_CANDIDATES, 4 * k)
    if k == 0:
        return candidates.best(0, proved=True)

    def ask(images: Allowed, asked: int) -> Sequence[Row[Any]]:
        statement = _highest_in_reach(images, first, terms, reach=candidates.reach(k), count=asked)
        rows = connection.execute(statement).all()
        candidates.look(connection, rows)
        return rows

    if not any(isinstance(term.response, LogProbability) for term in plan.terms):
        rows = connection.execute(_highest_of_all(allowed, first, count)).all()
        candidates.look(connection, rows)
    else:
        if allowed.count > PORTION:
            ask(allowed.portion(PORTION), count)
        rows = ask(allowed, count)
    asked = count
    while len(rows) == asked and candidates.reach(k) <= rows[-1].bound:
        asked *= _GROWTH
        rows = ask(allowed, asked)
    return candidates.best(k, proved=True)


def _highest_of_all(allowed: Allowed, first: Formula, count: int) -> Select[Any]:
    """Of all images, those with the highest bounds."""
    halves = allowed.halves
    computed = allowed.select(halves.image_id, *first.products(halves.vector, "u")).offset(FENCE).subquery()
    return highest(computed, first, prefix="u", product="u0", count=count)


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
    return highest(outer, terms, prefix="p", product="u0", count=count)
