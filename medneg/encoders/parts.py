"""A part that was trained beside or behind an encoder, in a folder of its own: a text tower, a head."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from medneg.encoders.places import embedded
from medneg.errors import EncoderError, UnknownName

Card = TypeVar("Card")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What tells one kind of part from another.

    Attributes:
        name: how people call it.
        shipped: names of those inside this package.
        weights: the file without which a folder holds none.
        inside: the folder of it in a run's folder.
        run: the command whose runs have one.
    """

    name: str
    shipped: Sequence[str]
    weights: str
    inside: str
    run: str

    def whole(self) -> tuple[Path, ...]:
        """The folders of those inside this package that are whole."""
        folders = (embedded(name) for name in self.shipped)
        return tuple(folder for folder in folders if (folder / self.weights).is_file())

    def find(self, name: str) -> Path:
        """The folder of a part: a shipped name, a folder, or a run that has one in it.

        Raises:
            UnknownName: if it is none of these.
        """
        candidates = (embedded(name),) if name in self.shipped else (Path(name), Path(name) / self.inside)
        for folder in candidates:
            if (folder / self.weights).is_file():
                return folder
        raise UnknownName(self.name, name, (*self.shipped, f"the folder of a `{self.run}` run"))


def read_card(make: type[Card], path: Path, what: str) -> Card:
    """Read the card of a part.

    Args:
        make: the dataclass that it becomes; its ``lineage`` is a tuple.
        path: of the JSON file.
        what: it is the card of, for the message.

    Raises:
        EncoderError: if it is missing or cannot be read.
    """
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return make(**{**known, "lineage": tuple(known.get("lineage", ()))})
    except (OSError, ValueError, TypeError) as err:
        raise EncoderError(f"{path} is no card of a {what}: {err}") from err
