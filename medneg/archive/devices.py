"""Where a scan runs: on the GPU where there is one and the float16 rows fit, else on the processor."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from medneg.errors import ArchiveError, UnknownName

if TYPE_CHECKING:
    from medneg.archive.matrix import ScanMatrix

DEVICES = ("cpu", "cuda")
VARIABLE = "MEDNEG_DEVICE"

_WORKSPACE = 1 << 30  # bytes: a piece as float32, and a number or a few for each row


def device(environment: Mapping[str, str] = os.environ) -> str:
    """The device to scan on: what MEDNEG_DEVICE says, else "cuda" where torch finds a GPU, else "cpu".

    Raises:
        UnknownName: if MEDNEG_DEVICE is neither.
        ArchiveError: if it asks for a GPU and there is none.
    """
    import torch

    named, found = environment.get(VARIABLE), torch.cuda.is_available()
    if named and named not in DEVICES:
        raise UnknownName(f"device in {VARIABLE}", named, known=DEVICES)
    if named == "cuda" and not found:
        raise ArchiveError(
            f"{VARIABLE} asks for a GPU, and torch finds none here; set it to cpu or leave it out"
        )
    return named or ("cuda" if found else "cpu")


def gpu_memory() -> int:
    """Bytes of GPU memory that are free or this process's own already; 0 where scans run on the processor."""
    import torch

    if device() != "cuda":
        return 0
    return int(torch.cuda.mem_get_info()[0]) + int(torch.cuda.memory_reserved())


def placed(matrix: ScanMatrix) -> ScanMatrix:
    """A matrix where it is scanned best: on the GPU when its rows are there already or fit, else as it is."""
    import torch

    where = device()
    if where == "cuda" and not matrix.was_on(where):
        room = gpu_memory() - torch.cuda.memory_allocated()
        if matrix.vectors.nbytes + _WORKSPACE > room:
            where = "cpu"
    return matrix.on(where)


def described(name: str) -> str:
    """A device in words: "2 cores", "cuda (NVIDIA H200)"."""
    import torch

    if name != "cpu":
        return f"{name} ({torch.cuda.get_device_name()})"
    cores = torch.get_num_threads()
    return "one core" if cores == 1 else f"{cores} cores"


@contextmanager
def exact_products(name: str) -> Iterator[None]:
    """Keep a GPU's float32 products in float32.

    TensorFloat-32 keeps 10 bits of every factor, an error of 2⁻¹¹ where the bounds of
    ``medneg.archive.bounds`` reckon with 2⁻²⁴: with it, a certificate would be worth nothing.
    """
    import torch

    if name == "cpu":
        yield
        return
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    products.fp32_precision = "ieee"
    try:
        yield
    finally:
        products.fp32_precision = before
