"""The file of a scan matrix, in safetensors' layout (https://github.com/huggingface/safetensors#format).

Other programs can read it: ``ids`` (n,), ``total`` and ``mean`` (d,), ``rounding`` (1,), ``vectors`` (n, d).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from medneg.archive.matrix import ScanMatrix

FILE_NAME = "scan.safetensors"

_ALIGNMENT = 64
_COPIED_AT_ONCE = 16_384
_UNIT_TOLERANCE = 1e-3
_DTYPES: dict[str, np.dtype[Any]] = {
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
}


def read(folder: Path) -> tuple[dict[str, NDArray[Any]], str]:
    """The tensors of the file in ``folder``, mapped, and its stamp.

    Raises:
        OSError, ValueError, KeyError, IndexError, TypeError: if there is no file, or it is damaged.
    """
    path = folder / FILE_NAME
    header, start = _read_header(path)
    tensors = {name: _map(path, header[name], start) for name in _layout(0, 0)}
    return tensors, str(header["__metadata__"]["stamp"])


def write(
    file: IO[bytes],
    ids: NDArray[np.int64],
    blocks: Iterable[NDArray[np.float32]],
    *,
    stamp: str,
    width: int,
    before: ScanMatrix | None = None,
) -> None:
    """Write a matrix into an open file.

    Args:
        file: empty.
        ids: the image of each row.
        blocks: float32 arrays (any, ``width``), the unit embeddings of ``ids`` in their order.
        stamp: names the state of the archive that the vectors come from.
        width: d, the length of the embeddings.
        before: a matrix of the first of ``ids``, whose rows are copied and not among ``blocks``.

    Raises:
        ValueError: if the rows are not as many as ``ids``, not ``width`` long, or not of unit length.
    """
    file.write(_header(len(ids), width, stamp))
    total, rows, rounding = np.zeros(width, np.float64), 0, 0.0
    if before is not None and before.total is not None:
        total, rows, rounding = before.total.copy(), len(before), before.rounding
        for start in range(0, rows, _COPIED_AT_ONCE):
            file.write(before.vectors[start : start + _COPIED_AT_ONCE].tobytes())
    for block in blocks:
        _check(block, ids[rows : rows + len(block)], width)
        halves = block.astype("<f2")
        apart = np.linalg.norm(block.astype(np.float64) - halves.astype(np.float64), axis=1)
        rounding = max(rounding, float(apart.max(initial=0.0)))
        total += block.sum(axis=0, dtype=np.float64)
        rows += len(block)
        file.write(halves.tobytes())
    if rows != len(ids):
        raise ValueError(f"a ScanMatrix needs one vector per id; got {rows} vectors for {len(ids)} ids")
    file.write(ids.tobytes())
    file.write(np.array([rounding], "<f8").tobytes())
    file.write(total.astype("<f8").tobytes())
    file.write((total / max(rows, 1)).astype("<f4").tobytes())


@contextmanager
def replacing(folder: Path) -> Iterator[IO[bytes]]:
    """A file that takes the matrix's place in ``folder`` once it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{FILE_NAME}.{os.getpid()}.part"
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / FILE_NAME)
    finally:
        temporary.unlink(missing_ok=True)


def _layout(rows: int, width: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each tensor, in the order of the file; ``vectors`` first, on an aligned offset."""
    return {
        "vectors": ("F16", (rows, width)),
        "ids": ("I64", (rows,)),
        "rounding": ("F64", (1,)),
        "total": ("F64", (width,)),
        "mean": ("F32", (width,)),
    }


def _header(rows: int, width: int, stamp: str) -> bytes:
    """The length-prefixed JSON header, padded with blanks so that the tensors start aligned."""
    header: dict[str, Any] = {"__metadata__": {"stamp": stamp}}
    offset = 0
    for name, (dtype, shape) in _layout(rows, width).items():
        size = math.prod(shape) * _DTYPES[dtype].itemsize
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _check(block: NDArray[np.float32], ids: NDArray[np.int64], width: int) -> None:
    if block.ndim != 2 or block.shape[1] != width:
        raise ValueError(f"the vectors of this matrix are {width} long; got a block of shape {block.shape}")
    if len(block) != len(ids):
        raise ValueError(
            f"a ScanMatrix needs one vector per id; got a block of {len(block)} for {len(ids)} ids"
        )
    wrong = ~(np.abs(np.linalg.norm(block, axis=1) - 1) <= _UNIT_TOLERANCE)
    if wrong.any():
        raise ValueError(
            f"image embeddings must have unit length; the one of image {ids[wrong.argmax()]} has not"
        )


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= path.stat().st_size:
            raise ValueError(f"{path} has no header")
        return json.loads(file.read(length)), 8 + length


def _map(path: Path, entry: dict[str, Any], start: int) -> NDArray[Any]:
    """Map one tensor copy-on-write: torch refuses to look at read-only memory without a warning."""
    shape: tuple[int, ...] = tuple(entry["shape"])
    dtype = _DTYPES[entry["dtype"]]
    if 0 in shape:
        return np.empty(shape, dtype)
    offset: int = start + entry["data_offsets"][0]
    return np.asarray(np.memmap(path, dtype, mode="c", offset=offset, shape=shape))
