"""The exact scan of the float16 matrix, mapped from disk: the index that every archive has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medneg.archive import devices, reading
from medneg.archive.engines import transaction
from medneg.archive.filters import Where
from medneg.archive.indexes.kinds import IndexKind, IndexState, Progress, Source
from medneg.archive.ranking import Found
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

        matrix = self._source.archive.matrix(self._source.fingerprint)
        mask = self._mask(matrix, where, among)
        try:
            return self._scan(devices.placed(matrix), plan, k, mask=mask)
        except torch.OutOfMemoryError:  # somebody else took what the GPU had left
            return self._scan(matrix, plan, k, mask=mask)

    def _scan(self, matrix: ScanMatrix, plan: Plan, k: int, *, mask: NDArray[np.bool_] | None) -> Found:
        from medneg.archive.scan import top_k

        archive, fingerprint = self._source.archive, self._source.fingerprint
        ranking = top_k(
            plan, matrix, k, mask=mask, fetch=lambda ids: archive.vectors(fingerprint, ids.tolist())
        )
        return Found(
            ranking=ranking,
            considered=len(matrix) if mask is None else int(mask.sum()),
            how=f"scan of float16 rows on {devices.described(matrix.device)}",
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
    """Whether there is anything to scan; the matrix is left as it is, for making it may take minutes."""
    from medneg.archive.matrix import ScanMatrix

    with transaction(source.engine, source.place) as connection:
        stamp, count = reading.stamp(connection, source.fingerprint)
    if not count:
        note = "nothing is embedded here yet; bring images in with `medneg ingest`"
        return IndexState(name=SCAN.name, ready=False, count=0, note=note)
    held = ScanMatrix.open(source.folder)
    current = held is not None and held.stamp == stamp
    note = "exact, with a certificate"
    if not current:
        note += "; the next scan first brings its matrix up to date, or `medneg index build scan` does now"
    return IndexState(name=SCAN.name, ready=True, count=count, note=note)


def _build(source: Source, progress: Progress) -> None:
    """Make the matrix now, so that the next search need not."""
    source.archive.matrix(source.fingerprint, progress)


SCAN = IndexKind(name="scan", open=ScanIndex, state=_state, build=_build)
