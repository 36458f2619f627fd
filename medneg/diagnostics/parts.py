"""Finished parts of a report, kept in its folder: an interrupted report goes on where it stopped.

A part is plain JSON under a name that holds a hash of everything it was made from. When any of that changes,
the name changes, and the part is made anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Part = TypeVar("Part")
HASH = 16
"""Hex digits of a part's name."""


class Parts:
    """A folder of parts; without a folder nothing is kept.

    Args:
        folder: is made when the first part is kept.
        basis: what all parts are made from, as plain values.
    """

    def __init__(self, folder: Path | None, basis: Mapping[str, Any]) -> None:
        self._folder = folder
        self._basis = basis

    def get(self, name: str, kind: type[Part], make: Callable[[], Part], **more: Any) -> Part:
        """The part as it was kept, or made now.

        Args:
            name: what it is, in lower case letters.
            kind: a dataclass.
            make: makes it.
            more: what it is made from beside the basis, as plain values.
        """
        if self._folder is None:
            return make()
        told = json.dumps([__name__, name, self._basis, more], sort_keys=True)
        path = self._folder / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:HASH]}.json"
        kept = _read(path, kind)
        if kept is not None:
            return kept
        part = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(plain(part)), encoding="utf-8")
        unfinished.replace(path)  # a killed run leaves no half part behind
        return part


def plain(value: Any) -> Any:
    """A dataclass as JSON has it: NaN is null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def revive(kind: Any, told: Any) -> Any:
    """The inverse of ``plain``: the value of a type from JSON; null is NaN where a float is wanted."""
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{name: revive(hints[name], each) for name, each in told.items()})
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return (
            None if told is None else revive(next(each for each in inner if each is not types.NoneType), told)
        )
    if origin is tuple:
        kinds = (inner[0],) * len(told) if inner[-1] is Ellipsis else inner
        return tuple(revive(one, each) for one, each in zip(kinds, told, strict=True))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: revive(inner[1], each) for key, each in told.items()}
    return math.nan if kind is float and told is None else told


def _read(path: Path, kind: type[Part]) -> Part | None:
    """A kept part; None where there is none, or one that was cut off or has another shape."""
    try:
        return cast("Part", revive(kind, json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
