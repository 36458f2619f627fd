"""NegBench's tables (Alhamoud et al., CVPR 2025), read as their authors publish them.

Two layouts are told apart by their columns. Retrieval: ``filepath``, ``image_path`` or ``image_id``, and
``captions``, a list in Python's notation; gold readings need ``positive_objects`` and
``negative_objects``, or ``positive_concept1``, ``positive_concept2`` and ``negative_concept``. Multiple
choice: ``image_path``, ``caption_0``, ``caption_1``, …, ``correct_answer`` and, for COCO and VOC,
``correct_answer_template``.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medneg.errors import ManifestError, QueryError
from medneg.query import parse
from medneg.query.mentions import counterfactuals
from medneg.values import Mention, Query

IMAGE_COLUMNS = ("filepath", "image_path", "image_id")

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A sentence, and which objects it wants and does not, where the table says so."""

    words: str
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a table.

    Attributes:
        image: the picture, as the table names it.
        captions: retrieval: sentences of which this picture is the answer; choice: the options.
        correct: the right option; None for retrieval.
        group: which kind of option is right ("positive", "negative", "hybrid"), or "".
    """

    image: str
    captions: tuple[Caption, ...]
    correct: int | None = None
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of either layout.

    Attributes:
        path: where it was read.
        choice: whether its lines are multiple-choice questions.
        items: its lines, in their order.
    """

    path: Path
    choice: bool
    items: tuple[Item, ...]

    @property
    def images(self) -> tuple[str, ...]:
        """Every picture once, in the order in which they come."""
        return tuple(dict.fromkeys(item.image for item in self.items))


def read_table(path: Path) -> Table:
    """Read a table of NegBench.

    Raises:
        ManifestError: if it is none, or a line holds a value that cannot be used.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            columns = set(reader.fieldnames or ())
            choice = "caption_0" in columns
            if not columns & set(IMAGE_COLUMNS) or not (choice or "captions" in columns):
                raise ManifestError(
                    f"{path} is no table of NegBench: it needs filepath, image_path or image_id, and "
                    "captions (a list) or caption_0, caption_1, …"
                )
            items = tuple(_items(path, reader, choice))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(
            f"{path} cannot be read as a CSV file in UTF-8 ({type(error).__name__})"
        ) from None
    if not items:
        raise ManifestError(f"{path} holds no questions")
    return Table(path=path, choice=choice, items=items)


def _items(path: Path, reader: csv.DictReader[str], choice: bool) -> Iterator[Item]:
    for row in reader:
        cells = {name: value for name, value in row.items() if name is not None}
        try:
            yield _choice(cells) if choice else _retrieval(cells)
        except ValueError as error:
            raise ManifestError(f"{path}, line {reader.line_num}: {error}") from None


def _image(cells: Cells) -> str:
    found = next((cells[name].strip() for name in IMAGE_COLUMNS if cells.get(name, "").strip()), "")
    if not found:
        raise ValueError("it names no picture")
    return found


def _retrieval(cells: Cells) -> Item:
    objects = (_list(cells, "positive_objects"), _list(cells, "negative_objects"))
    if not any(objects):
        names = ("positive_concept1", "positive_concept2")
        objects = (
            [cells[name] for name in names if cells.get(name, "").strip()],
            [cells["negative_concept"]] if cells.get("negative_concept", "").strip() else [],
        )
    captions = tuple(_caption(words, *objects) for words in _list(cells, "captions"))
    if not captions:
        raise ValueError("it has no captions")
    return Item(image=_image(cells), captions=captions)


def _list(cells: Cells, column: str) -> list[str]:
    """A list of texts in Python's notation; an empty cell is an empty list."""
    cell = cells.get(column, "").strip()
    if not cell:
        return []
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{column} must be a list such as ['a', 'b']; got {cell[:40]!r}") from None
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ValueError(f"{column} must be a list of texts; got {cell[:40]!r}")
    return [text for text in found if text.strip()]


def _caption(words: str, positive: Sequence[str], negative: Sequence[str]) -> Caption:
    """Of the picture's objects those that the caption names; all present ones where it names none of them."""
    said = words.lower()
    wanted = tuple(name for name in positive if name.lower() in said) or tuple(positive)
    return Caption(
        words=words, wanted=wanted, unwanted=tuple(name for name in negative if name.lower() in said)
    )


def _choice(cells: Cells) -> Item:
    texts: list[str] = []
    while cells.get(f"caption_{len(texts)}", "").strip():
        texts.append(cells[f"caption_{len(texts)}"])
    answer = cells.get("correct_answer", "").strip()
    if len(texts) < 2:
        raise ValueError("a choice needs two captions at least")
    if answer not in {str(place) for place in range(len(texts))}:
        raise ValueError(f"correct_answer must be 0 to {len(texts) - 1}; got {answer[:40]!r}")
    return Item(
        image=_image(cells),
        captions=tuple(Caption(words=words) for words in texts),
        correct=int(answer),
        group=cells.get("correct_answer_template", "").strip(),
    )


def read_caption(caption: Caption, how: str) -> Query:
    """The query of a caption: as the parser reads it, or from the table's objects.

    The parser knows radiographs, not kitchens: of other pictures it follows the negation and keeps the words.

    Raises:
        QueryError: if ``how`` is "gold" and the table names no objects.
    """
    if how == "real":
        return parse(caption.words)
    if not caption.wanted and not caption.unwanted:
        raise QueryError(
            "this table does not say which objects its captions mean; leave out --parse gold, which needs it"
        )
    affirmed = tuple(Mention(text=name, polarity="affirmed") for name in caption.wanted)
    negated = tuple(Mention(text=name, polarity="negated", strength="strong") for name in caption.unwanted)
    return Query(
        raw=caption.words,
        affirmed=affirmed,
        negated=negated,
        counterfactuals=counterfactuals(affirmed, negated),
    )
