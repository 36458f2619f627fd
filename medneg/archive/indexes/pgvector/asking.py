"""What both ways of searching in PostgreSQL share: the transaction, and the images that may be ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ARRAY, BigInteger, Connection, Select, func, literal, select, tablesample
from sqlalchemy.orm import aliased

from medneg.archive import filters, reading
from medneg.archive.bounds import require_rankable
from medneg.archive.engines import transaction
from medneg.archive.filters import Where
from medneg.archive.indexes.kinds import Source
from medneg.archive.indexes.probing import sample
from medneg.archive.matrix import ScanMatrix
from medneg.archive.schema import Half, Image
from medneg.values import Plan

_SETTINGS = {
    "transaction_read_only": "on",
    "statement_timeout": "120s",
    # Whether an index of one space serves a statement depends on the values in it.
    "plan_cache_mode": "force_custom_plan",
    # Compiling takes longer than the products that it would speed up.
    "jit": "off",
    "max_parallel_workers_per_gather": "8",
}

Ids = NDArray[np.int64]


@contextmanager
def asking(source: Source) -> Iterator[Connection]:
    """A transaction that only reads, with the settings that a search wants; they end with it."""
    with transaction(source.engine, source.place) as connection:
        configure(connection, _SETTINGS)
        yield connection


def configure(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set parameters of the server until the end of the transaction."""
    connection.execute(select(*(func.set_config(name, value, True) for name, value in settings.items())))


def checked(source: Source, plan: Plan, k: int) -> ScanMatrix:
    """Some images of the space, once plan and k are known to fit it.

    Raises:
        ValueError: if k is below 1, or the plan is not finite or not as wide as the space.
        ArchiveError: if the space holds nothing.
    """
    with transaction(source.engine, source.place) as connection:
        count = reading.stamp(connection, source.fingerprint)[1]
    some = sample(source, count)
    require_rankable(plan, k, some.width)
    return some


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allowed:
    """The images of a space that may be ranked.

    Attributes:
        fingerprint: of the space.
        where: the filter.
        among: ids of the only images that may be ranked; None for all.
        space: how many images the space holds.
        count: how many of them may be ranked.
        halves: what ``select`` takes columns from: their table, or some pages of it.
    """

    fingerprint: str
    where: Where
    among: Ids | None
    space: int
    count: int
    halves: type[Half] = Half

    def portion(self, count: int) -> Allowed:
        """About so many of them, fewer than there are; the same ones each time."""
        drawn = tablesample(Half.__table__, func.system(100 * count / self.count), seed=literal(0))
        return replace(self, halves=aliased(Half, drawn))

    @classmethod
    def of(cls, connection: Connection, fingerprint: str, *, where: Where, among: Ids | None) -> Allowed:
        """As the archive is in a transaction."""
        space = reading.stamp(connection, fingerprint)[1]
        found = cls(fingerprint=fingerprint, where=where, among=among, space=space, count=space)
        if where.everything and among is None:
            return found
        return replace(found, count=found._counted(connection))

    def _counted(self, connection: Connection) -> int:
        if self.among is None:
            # Where every image is in the space, as is usual, one table tells: in half the time of two.
            passing = select(func.count()).select_from(Image).where(*filters.conditions(self.where))
            images = select(func.count()).select_from(Image)
            row = connection.execute(select(passing.scalar_subquery(), images.scalar_subquery())).one()
            if row[1] == self.space:
                return int(row[0])
        return int(connection.execute(self.select(func.count())).scalar_one())

    def select(self, *columns: Any) -> Select[Any]:
        """Some columns of their halves."""
        halves = self.halves
        statement = select(*columns).select_from(halves).where(halves.image_fingerprint == self.fingerprint)
        if self.among is not None:
            ids = func.unnest(literal(self.among.tolist(), ARRAY(BigInteger)))
            statement = statement.where(halves.image_id.in_(select(ids)))
        if self.where.everything:
            return statement
        return statement.join(Image, Image.id == halves.image_id).where(*filters.conditions(self.where))
