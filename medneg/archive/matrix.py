"""The matrix that a search runs through: all image embeddings of one space, as float16, in one mapped file.

It is a cache. The truth is the float32 vectors in SQL, and everything here can be made again from them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medneg.archive import devices, matrix_file

if TYPE_CHECKING:
    from torch import Tensor

Look = Callable[[slice, "Tensor"], None]
"""What is done with a piece of a matrix: where it stands, and the piece, shape (m, d)."""

_SAMPLE_SHARE = 128
_SAMPLE_LEAST, _SAMPLE_MOST = 2000, 8192
_MEANS_KEPT = 4
_PIECES_WORTH_A_THREAD = 16  # starting a thread takes as long as going through one or two
_BLOCK_VALUES = (
    1 << 18
)  # 1 MiB of float32: the fastest of 2^17 to 2^21 for one core, measured at d = 256 and 512
_BLOCK_VALUES_ELSEWHERE = 1 << 26  # 256 MiB on a GPU, so that starting its work takes no time beside the work
_one_visit = threading.Lock()
"""Two scans at once would push each other out of the cache, and each restore the other's count of threads."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScanMatrix:
    """Image embeddings rounded to float16, with what a search must know to stay exact in spite of it.

    Attributes:
        vectors: float16, shape (n, d), mapped from disk; unit rows before they were rounded.
        ids: int64, shape (n,), the image of each row.
        mean: float32, shape (d,), the mean of the float32 rows; zero when there are none.
        rounding: the largest distance ‖x − x₁₆‖₂ between a float32 row and its float16 form.
        stamp: what the archive looked like when this was written; another stamp means stale.
        total: float64, shape (d,), the sum of the float32 rows; None for a sample.
        device: where it is scanned, by torch's name for it.
    """

    vectors: NDArray[np.float16]
    ids: NDArray[np.int64]
    mean: NDArray[np.float32]
    rounding: float
    stamp: str
    total: NDArray[np.float64] | None = None
    device: str = "cpu"
    _distances: dict[bytes, NDArray[np.float32]] = field(default_factory=dict, init=False, repr=False)
    _sample: list[ScanMatrix] = field(default_factory=list, init=False, repr=False)
    _rows: list[Tensor] = field(default_factory=list, init=False, repr=False)
    _elsewhere: dict[str, ScanMatrix] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.ids.shape != self.vectors.shape[:1]:
            raise ValueError(
                f"a ScanMatrix needs vectors (n, d) and ids (n,); "
                f"got {self.vectors.shape} and {self.ids.shape}"
            )

    def __len__(self) -> int:
        return int(self.vectors.shape[0])

    @property
    def width(self) -> int:
        """d, the length of the embeddings."""
        return int(self.vectors.shape[1])

    def on(self, device: str) -> ScanMatrix:
        """The same matrix, scanned on a device, in whose memory its rows stay from the first scan on."""
        if device == self.device:
            return self
        return self._elsewhere.setdefault(device, replace(self, device=device))

    def was_on(self, device: str) -> bool:
        """Whether ``on`` gave it to this device before."""
        return device == self.device or device in self._elsewhere

    def visit(self, look: Look, rows: NDArray[np.int64] | None = None) -> None:
        """Show the matrix to a function as float32, a piece at a time that stays in a core's cache.

        As many threads as torch may use take the next piece in turn, so the pieces come in no certain order
        and two at once. On a GPU the pieces are larger and come one after the other.

        Args:
            look: is given where the piece stands among ``rows`` and the piece, shape (m, d), on the matrix's
                device, which is overwritten once ``look`` returns.
            rows: the rows to show; None for all of them.
        """
        import torch

        count = len(self) if rows is None else len(rows)
        here = self.device == "cpu"
        step = min(max(1, (_BLOCK_VALUES if here else _BLOCK_VALUES_ELSEWHERE) // self.width), max(1, count))
        starts = iter(range(0, count, step))

        def work() -> None:
            buffer = torch.empty((step, self.width), device=self.device)
            halves = torch.empty(
                (0 if chosen is None else step, self.width), dtype=whole.dtype, device=self.device
            )
            for start in starts:
                place = slice(start, min(start + step, count))
                piece = buffer[: place.stop - start]
                if chosen is None:
                    piece.copy_(whole[place])
                else:
                    piece.copy_(torch.index_select(whole, 0, chosen[place], out=halves[: len(piece)]))
                look(place, piece)

        with _one_visit, devices.exact_products(self.device):
            whole = self._rows_there()
            chosen = None if rows is None else torch.from_numpy(rows).to(self.device)
            workers = (
                min(torch.get_num_threads(), 1 + count // (step * _PIECES_WORTH_A_THREAD)) if here else 1
            )
            with threads():
                _run(work, workers)

    def _rows_there(self) -> Tensor:
        """The float16 rows in the memory of the device; mapped from disk where that is this machine's own."""
        import torch

        if not self._rows:
            self._rows.append(torch.from_numpy(self.vectors).to(self.device))
        return self._rows[0]

    def distances(self, mean: NDArray[np.float32]) -> NDArray[np.float32]:
        """‖x₁₆ − mean‖₂ of every row, shape (n,); computed once for each of the latest means and kept."""
        import torch

        key = mean.tobytes()
        known = self._distances.get(key)
        if known is not None:
            return known
        centre = torch.from_numpy(mean.astype(np.float32)).to(self.device)
        found = torch.empty(len(self), device=self.device)

        def measure(place: slice, piece: Tensor) -> None:
            torch.linalg.vector_norm(piece.sub_(centre), dim=1, out=found[place])

        self.visit(measure)
        for old in [*self._distances][: max(len(self._distances) + 1 - _MEANS_KEPT, 0)]:
            self._distances.pop(old, None)  # another search may have been quicker
        distances: NDArray[np.float32] = found.cpu().numpy()
        self._distances[key] = distances
        return distances

    @property
    def sample(self) -> ScanMatrix:
        """Some rows, evenly spread, that stand for all when a search chooses how to bound a plan; kept."""
        if not self._sample:
            count = min(max(len(self) // _SAMPLE_SHARE, _SAMPLE_LEAST), _SAMPLE_MOST, len(self))
            rows = np.linspace(0, len(self) - 1, count).astype(np.int64)
            self._sample.append(replace(self, vectors=self.vectors[rows], ids=self.ids[rows], total=None))
        return self._sample[0]

    @classmethod
    def open(cls, folder: Path) -> ScanMatrix | None:
        """Map the matrix that ``folder`` holds; None when there is none or it is damaged."""
        try:
            tensors, stamp = matrix_file.read(folder)
            return cls(
                vectors=tensors["vectors"],
                ids=tensors["ids"],
                mean=tensors["mean"],
                rounding=float(tensors["rounding"][0]),
                stamp=stamp,
                total=tensors["total"],
            )
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            return None

    @classmethod
    def write(
        cls,
        folder: Path,
        *,
        ids: Sequence[int] | NDArray[np.int64],
        blocks: Iterable[NDArray[np.float32]],
        stamp: str,
        width: int,
    ) -> ScanMatrix:
        """Write a matrix and map it; whoever opens ``folder`` meanwhile sees the old one or the new one.

        Args:
            folder: where it lives; made when missing.
            ids: the image of each row, in the rows' order.
            blocks: float32 arrays (any, ``width``); their rows, in order, are the unit embeddings of ``ids``.
            stamp: names the state of the archive that the vectors come from.
            width: d, the length of the embeddings.

        Returns:
            The matrix just written.

        Raises:
            ValueError: if the rows are not as many as ``ids``, not ``width`` long, or not of unit length.
        """
        with matrix_file.replacing(folder) as file:
            matrix_file.write(file, np.asarray(ids, "<i8"), blocks, stamp=stamp, width=width)
        return cls._reopened(folder)

    def extended(
        self,
        folder: Path,
        *,
        ids: NDArray[np.int64],
        blocks: Iterable[NDArray[np.float32]],
        stamp: str,
    ) -> ScanMatrix:
        """Write this matrix with more rows behind its own, which are copied as they are, and map it.

        Args:
            folder: where it lives.
            ids: the images of the new rows.
            blocks: their unit embeddings, as for ``write``.
            stamp: likewise.

        Raises:
            ValueError: as ``write`` does, or if this is a sample.
        """
        if self.total is None:
            raise ValueError("a sample of a matrix cannot be extended")
        every = np.concatenate([self.ids, ids]).astype("<i8")
        with matrix_file.replacing(folder) as file:
            matrix_file.write(file, every, blocks, stamp=stamp, width=self.width, before=self)
        return self._reopened(folder)

    @classmethod
    def _reopened(cls, folder: Path) -> ScanMatrix:
        written = cls.open(folder)
        if written is None:
            raise OSError(f"the matrix written to {folder} cannot be read back")
        return written


@contextmanager
def threads(count: int = 1) -> Iterator[None]:
    """Keep torch to a few threads: to one for many small steps, to fewer than all where others work too.

    Its threads meet after every step. On a busy machine one that waits for its turn holds up the others, and
    a scan of two hundred steps takes a thousand times as long (measured: 13 ms became minutes).
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(count, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _run(work: Callable[[], None], workers: int) -> None:
    """Run some work on a number of threads, or here when one is enough, until all are done."""
    if workers == 1:
        return work()
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work) for _ in range(workers)]:
            done.result()
    return None
