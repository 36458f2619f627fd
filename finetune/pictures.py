"""The pictures that a phantom model learns from: drawn once by several processes, kept in parts.

A part holds ``PART`` drawn pictures and, behind them, twins: pictures that show one small finding are drawn
again without it. The difference says where the finding is, and the pair differs in nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float32, uint8
from numpy.typing import NDArray

from medneg.phantom.drawing import draw
from medneg.phantom.sampling import sample_picture
from medneg.phantom.truth import FINDINGS, FindingTruth, Person, Picture, Technique

PART = 64
"""Pictures in a part, twins not counted."""

CELL = 8
"""Edge of a cell of the map that says where a finding is, in pixels."""

LOCAL = (
    "endotracheal_tube",
    "central_venous_catheter",
    "atelectasis",
    "lung_nodule",
    "rib_fracture",
    "calcified_granuloma",
    "lung_mass",
    "aortic_calcification",
)
"""Findings that are small against the chest; a twin is drawn without the first of them that is there."""

ASPECTS, ASPECT_SHARES = (0.82, 1.0, 1.02, 1.22), (0.4, 0.25, 0.15, 0.2)
"""Width over height of the plates, and how often each is used; as in ``medneg.phantom.sampling``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Pictures with their truth.

    Attributes:
        pixels: uint8, shape (n, size, size), bone bright.
        pictures: the truth of each.
        located: index in ``FINDINGS`` of the finding whose place is known, or -1; shape (n,).
        places: bool, shape (n, size / 8, size / 8): the cells which that finding changes.
    """

    pixels: NDArray[uint8]
    pictures: tuple[Picture, ...]
    located: NDArray[np.int64]
    places: NDArray[np.bool_]

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Which finding each picture shows, shape (n, findings), columns as in ``FINDINGS``."""
        return np.array([[p.find(name) is not None for name in FINDINGS] for p in self.pictures], bool)

    @property
    def sides(self) -> NDArray[np.bool_]:
        """Which finding each picture shows on the left and on the right, shape (n, findings, 2)."""
        found = np.zeros((len(self.pictures), len(FINDINGS), 2), bool)
        for row, picture in enumerate(self.pictures):
            for truth in picture.findings:
                on = (truth.side in ("left", "bilateral"), truth.side in ("right", "bilateral"))
                found[row, FINDINGS.index(truth.finding)] = on
        return found


def picture_of(seed: int, index: int, *, size: int, frontal: bool = False) -> Picture:
    """The truth of training picture ``index``; its long side is ``size`` pixels.

    Args:
        frontal: draw a PA picture where a lateral one was due.
    """
    aspect = float(np.random.default_rng([seed, index, 9]).choice(ASPECTS, p=ASPECT_SHARES))
    rows, columns = round(size / max(1.0, aspect)), round(size * min(1.0, aspect))
    picture = sample_picture(seed, index, rows=rows, columns=columns)
    if frontal and picture.technique.view == "LATERAL":
        picture = sample_picture(seed, index, rows=rows, columns=columns, view="PA")
    return picture


def draw_square(picture: Picture) -> NDArray[float32]:
    """Draw a picture and pad it with black to a square, as ``medneg.dicom.prepare`` does."""
    drawn = draw(picture)
    size = max(drawn.shape)
    square = np.zeros((size, size), float32)
    top, left = (size - drawn.shape[0]) // 2, (size - drawn.shape[1]) // 2
    square[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return square


def draw_part(seed: int, part: int, *, size: int, frontal: bool = False, twins: bool = True) -> Drawn:
    """Draw pictures ``part * PART`` and following, then their twins."""
    indices = range(part * PART, (part + 1) * PART)
    pictures = [picture_of(seed, index, size=size, frontal=frontal) for index in indices]
    squares = [draw_square(picture) for picture in pictures]
    located, places = np.full(PART, -1), np.zeros((PART, size // CELL, size // CELL), bool)
    for row in range(PART if twins else 0):
        finding = next((name for name in LOCAL if pictures[row].find(name)), None)
        if finding is not None:
            twin = without(pictures[row], finding)
            pictures.append(twin)
            squares.append(draw_square(twin))
            located[row], places[row] = FINDINGS.index(finding), changed_cells(squares[row], squares[-1])
    extra = len(pictures) - PART
    return Drawn(
        pixels=np.stack([np.round(square * 255).astype(uint8) for square in squares]),
        pictures=tuple(pictures),
        located=np.concatenate([located, np.full(extra, -1)]),
        places=np.concatenate([places, np.zeros((extra, *places.shape[1:]), bool)]),
    )


def without(picture: Picture, finding: str) -> Picture:
    """The same picture without one finding."""
    return replace(picture, findings=tuple(t for t in picture.findings if t.finding != finding))


def changed_cells(shown: NDArray[float32], twin: NDArray[float32]) -> NDArray[np.bool_]:
    """Cells in which two pictures differ by at least a third of their largest difference."""
    change = np.abs(shown - twin)
    cells = change.shape[0] // CELL
    peaks = change[: cells * CELL, : cells * CELL].reshape(cells, CELL, cells, CELL).max(axis=(1, 3))
    marked: NDArray[np.bool_] = peaks >= max(float(peaks.max()) / 3, 0.02)
    return marked


def write_part(folder: Path, seed: int, part: int, size: int, frontal: bool, twins: bool = True) -> Path:
    """Draw one part into its file, unless it is there; the file appears whole or not at all."""
    path = part_file(folder, part)
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        drawn = draw_part(seed, part, size=size, frontal=frontal, twins=twins)
        truth = json.dumps([asdict(picture) for picture in drawn.pictures])
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        with unfinished.open("wb") as file:
            np.savez(
                file, pixels=drawn.pixels, located=drawn.located, places=drawn.places, truth=np.array(truth)
            )
        unfinished.rename(path)
    return path


def part_file(folder: Path, part: int) -> Path:
    """Where a part is kept."""
    return folder / f"part-{part:05d}.npz"


def read_part(path: Path) -> Drawn:
    """Read what ``write_part`` wrote."""
    with np.load(path, allow_pickle=False) as kept:
        pictures = tuple(_picture(row) for row in json.loads(str(kept["truth"])))
        return Drawn(pixels=kept["pixels"], pictures=pictures, located=kept["located"], places=kept["places"])


def draw_parts(
    folder: Path,
    *,
    seed: int,
    pictures: int,
    size: int,
    workers: int,
    frontal: bool = False,
    twins: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw ``pictures`` pictures (rounded up to whole parts) into ``folder``; parts that are there stay.

    Workers are spawned: a script calls it below ``if __name__ == "__main__":``.
    """
    parts = -(-pictures // PART)
    missing = [part for part in range(parts) if not part_file(folder, part).exists()]
    # Spawned, not forked: whoever calls may have threads, as torch does.
    with ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(write_part, folder, seed, part, size, frontal, twins) for part in missing]
        for done, future in enumerate(waiting, start=parts - len(missing) + 1):
            future.result()
            if progress is not None:
                progress(done, parts)


def _picture(row: dict[str, Any]) -> Picture:
    return Picture(
        person=Person(**row["person"]),
        technique=Technique(**row["technique"]),
        findings=tuple(FindingTruth(**truth) for truth in row["findings"]),
    )


def new_parts(folder: Path, known: set[Path]) -> Iterator[Path]:
    """Parts in the folder that are not known yet, in order."""
    return (path for path in sorted(folder.glob("part-*.npz")) if path not in known)
