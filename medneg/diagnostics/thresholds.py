"""What a model should reach, and the gate: a file of thresholds for somebody's pipeline.

[sentences]                   # whole sentences, plain cosine
no_x = 0.85                   # "no X": share of the first ten without X, at least
exclusion_violation = 0.20    # "A but no B": share of the first ten that shows B, at most
affirmed_change = -0.02       # "X": share right, minus the base's, at least
cosine = 0.60                 # of "X" with "no X", at most

[parsed]                      # read by the parser, default method
no_x = 0.90
exclusion_violation = 0.10
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medneg.diagnostics.hearing import Way
from medneg.errors import GateError
from medneg.evaluation.intervals import Figure

CheckName = Literal["no_x", "exclusion_violation", "affirmed_change", "cosine"]
Status = Literal["passes", "narrowly", "fails", "untested"]
"""``narrowly``: the figure reaches the threshold, but its interval does not, whole."""

TABLES: dict[str, Way] = {"sentences": "sentence", "parsed": "parsed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A figure's limit: at least or at most."""

    way: Way
    name: CheckName
    title: str
    limit: float
    at_least: bool

    @property
    def key(self) -> str:
        """As a gate's file names it: "sentences.no_x"."""
        return f"{next(table for table, way in TABLES.items() if way == self.way)}.{self.name}"

    def status(self, found: Figure) -> Status:
        """Where a figure stands; without a value it is untested."""
        if math.isnan(found.value):
            return "untested"
        sign = 1 if self.at_least else -1
        worse = found.low if self.at_least else found.high
        if sign * found.value < sign * self.limit:
            return "fails"
        return "narrowly" if sign * worse < sign * self.limit else "passes"


DEFAULTS = (
    Threshold(way="sentence", name="no_x", title="“no X”, first ten without X", limit=0.85, at_least=True),
    Threshold(
        way="sentence",
        name="exclusion_violation",
        title="“A but no B”, first ten that show B",
        limit=0.20,
        at_least=False,
    ),
    Threshold(
        way="sentence",
        name="affirmed_change",
        title="“X”, change against the base",
        limit=-0.02,
        at_least=True,
    ),
    Threshold(way="sentence", name="cosine", title="cosine of “X” and “no X”", limit=0.60, at_least=False),
    Threshold(way="parsed", name="no_x", title="“no X”, first ten without X", limit=0.90, at_least=True),
    Threshold(
        way="parsed",
        name="exclusion_violation",
        title="“A but no B”, first ten that show B",
        limit=0.10,
        at_least=False,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Which thresholds must hold: those that a file names."""

    thresholds: tuple[Threshold, ...]

    def all_thresholds(self) -> tuple[Threshold, ...]:
        """The defaults, with the gate's limits in their places."""
        own = {threshold.key: threshold for threshold in self.thresholds}
        return tuple(own.get(threshold.key, threshold) for threshold in DEFAULTS)


def read_gate(path: Path) -> Gate:
    """Read a file of thresholds.

    Raises:
        GateError: if it cannot be read, names an unknown table or key, gives no number, or names nothing.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise GateError(f"{path} cannot be read as a file of thresholds: {err}") from err
    limits = {key: value for table, keys in told.items() for key, value in _of_table(path, table, keys)}
    if not limits:
        raise GateError(f"{path} names no threshold; {_allowed()}")
    return Gate(
        thresholds=tuple(
            Threshold(
                way=one.way, name=one.name, title=one.title, limit=limits[one.key], at_least=one.at_least
            )
            for one in DEFAULTS
            if one.key in limits
        )
    )


def _of_table(path: Path, table: str, keys: Any) -> list[tuple[str, float]]:
    if table not in TABLES or not isinstance(keys, Mapping):
        raise GateError(f"{path}: unknown key {table!r}; {_allowed()}")
    known = {threshold.key for threshold in DEFAULTS}
    found = []
    for name, limit in keys.items():
        key = f"{table}.{name}"
        if key not in known:
            raise GateError(f"{path}: unknown key {key!r}; {_allowed()}")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
            raise GateError(f"{path}: {key} must be a number; got {limit!r}")
        found.append((key, float(limit)))
    return found


def _allowed() -> str:
    return f"choose from: {', '.join(threshold.key for threshold in DEFAULTS)}"
