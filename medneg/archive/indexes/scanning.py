"""The exact scan of the float16 matrix, mapped from disk: the index that every archive has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medneg.archive.filters import Where
from medneg.archive.indexes.kinds import IndexKind, IndexState, Source
from medneg.archive.ranking import Found
from medneg.errors import ArchiveError
from medneg.values import Plan

if TYPE_CHECKING:
    from medneg.archive.matrix import ScanMatrix


class ScanIndex:
    """Goes through every row and proves that nothing better was left out (``medneg.archive.scan``)."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def search(self, plan: Plan, k: int, *, where: Where, among: NDArray[np.int64] | None = None) -> Found:
        """See ``medneg.archive.indexes.Index.search``; the ranking is exact."""
        import torch

        from medneg.archive.scan import top_k

        archive, fingerprint = self._source.archive, self._source.fingerprint
        matrix = archive.matrix(fingerprint)
        mask = self._mask(matrix, where, among)
        ranking = top_k(
            plan, matrix, k, mask=mask, fetch=lambda ids: archive.vectors(fingerprint, ids.tolist())
        )
        return Found(
            ranking=ranking,
            considered=len(matrix) if mask is None else int(mask.sum()),
            how=f"scan of float16 rows on {torch.get_num_threads()} cores",
        )

    def _mask(
        self, matrix: ScanMatrix, where: Where, among: NDArray[np.int64] | None
    ) -> NDArray[np.bool_] | None:
        """The rows that may be ranked, shape (n,); None for all."""
        if where.everything and among is None:
            return None
        mask = self._source.archive.mask(where, matrix.ids)
        return mask if among is None else mask & np.isin(matrix.ids, among)


def _state(source: Source) -> IndexState:
    try:
        count = len(source.archive.matrix(source.fingerprint))
    except ArchiveError as error:
        return IndexState(name=SCAN.name, ready=False, count=0, note=str(error))
    return IndexState(name=SCAN.name, ready=True, count=count, note="exact, with a certificate")


SCAN = IndexKind(name="scan", open=ScanIndex, state=_state)
