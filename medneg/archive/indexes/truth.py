"""The float32 truth as an approximate index needs it: which images may be ranked, and their exact scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select

from medneg.archive import filters, reading
from medneg.archive.engines import transaction
from medneg.archive.filters import Where
from medneg.archive.indexes.kinds import Source
from medneg.archive.ranking import Ranking, Scored
from medneg.archive.schema import Embedding, Image
from medneg.values import Plan

_BLOCK = 4096

Ids = NDArray[np.int64]
Doubles = NDArray[np.float64]


class Truth:
    """The images of a space that may be ranked, and the exact scores of those that were looked at."""

    def __init__(self, source: Source, plan: Plan, *, where: Where, among: Ids | None) -> None:
        self._source = source
        self._plan = plan
        self._where = where
        self._among = among
        self._seen = np.empty(0, np.int64)
        self._scored = Scored(plan)

    @property
    def ids(self) -> Ids:
        """The images whose scores are known."""
        return self._scored.ids

    def count(self) -> int:
        """How many images may be ranked."""
        chosen = func.count() if self._among is None else Embedding.image_id
        with transaction(self._source.engine, self._source.place) as connection:
            found = connection.execute(self._allowed(chosen)).scalars()
            if self._among is None:
                return int(found.one())
            return int(np.isin(np.fromiter(found, np.int64), self._among).sum())

    def look(self, ids: Ids) -> None:
        """Score some images, those of them that may be ranked and were not looked at before."""
        new = np.setdiff1d(ids, self._seen)
        self._seen = np.union1d(self._seen, new)
        if self._among is not None:
            new = new[np.isin(new, self._among)]
        with transaction(self._source.engine, self._source.place) as connection:
            for some in reading.chunks(new.tolist()):
                wanted = self._allowed(Embedding.image_id, Embedding.vector, some=some)
                rows = connection.execute(wanted).all()
                self._score([row[0] for row in rows], [row[1] for row in rows])

    def look_at_all(self, k: int) -> Ranking:
        """The best k of all images that may be ranked, exactly, as they were at one moment."""
        self._scored, scored = Scored(self._plan), 0
        with transaction(self._source.engine, self._source.place) as connection:
            wanted = self._allowed(Embedding.image_id, Embedding.vector)
            for ids, vectors in _blocks(connection.execute(wanted.execution_options(yield_per=_BLOCK))):
                kept = np.ones(len(ids), bool) if self._among is None else np.isin(ids, self._among)
                self._score(ids[kept].tolist(), [vectors[row] for row in np.flatnonzero(kept)])
                scored += int(kept.sum())
                self._scored.keep(k)
        return self._scored.best(k, exact=True, rescored=scored)

    def best(self, k: int) -> Ranking:
        """The best k of the images that were looked at."""
        return self._scored.best(k, exact=False)

    def reaches(self, k: int, ceiling: float) -> bool:
        """Whether k images are known whose scores are above the highest that any other could have."""
        return self._scored.reach(k) > ceiling

    def _allowed(self, *columns: Any, some: Sequence[int] | None = None) -> Select[Any]:
        """Some columns of the space's embeddings, of all images that the filter lets through or some of them.

        A few images are looked up one by one; of all, those that pass are found first, for the index of the
        filter's columns knows them without reading a row.
        """
        statement = select(*columns).select_from(Embedding)
        statement = statement.where(Embedding.image_fingerprint == self._source.fingerprint)
        if some is not None:
            statement = statement.where(Embedding.image_id.in_(some))
        if self._where.everything:
            return statement
        if some is None:
            return statement.where(Embedding.image_id.in_(filters.image_ids(self._where)))
        joined = statement.join(Image, Image.id == Embedding.image_id)
        return joined.where(*filters.conditions(self._where))

    def _score(self, ids: list[int], vectors: list[bytes]) -> None:
        stacked = np.frombuffer(b"".join(vectors), "<f4").reshape(len(ids), self._plan.width)
        self._scored.add(np.array(ids, np.int64), stacked.astype(np.float32, copy=False))


def _blocks(rows: Any) -> Iterator[tuple[Ids, list[bytes]]]:
    for some in rows.partitions():
        yield np.array([row[0] for row in some], np.int64), [row[1] for row in some]
