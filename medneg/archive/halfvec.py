"""pgvector's ``halfvec`` in SQLAlchemy: a vector of float16, as long as its row says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Dialect
from sqlalchemy.types import UserDefinedType

LEAST_VERSION = (0, 8, 4)
"""Of pgvector: before it, vacuuming an HNSW index could damage it."""


@dataclass(frozen=True, slots=True, eq=False)
class HalfVector:
    """A float16 vector, shape (d,), on its way to the server."""

    components: NDArray[np.float16]

    def to_bytes(self) -> bytes:
        """The binary form that pgvector reads: d and an unused 0 as int16, then the float16, big-endian."""
        return len(self.components).to_bytes(2, "big") + b"\0\0" + self.components.astype(">f2").tobytes()


class Halfvec(UserDefinedType[NDArray[np.float16]]):
    """The type of a column, or of a bound value: float16, shape (d,).

    Args:
        width: d where all are as long; None for any.
    """

    cache_ok = True

    def __init__(self, width: int | None = None) -> None:
        self.width = width

    def get_col_spec(self, **_known: object) -> str:
        """What the type is called in SQL."""
        return "HALFVEC" if self.width is None else f"HALFVEC({self.width})"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], HalfVector]:
        """Hand the vector to the driver in a form that ``medneg.archive.halfvec_wire`` knows."""
        return HalfVector
