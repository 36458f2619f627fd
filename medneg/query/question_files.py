"""Files of queries: one JSON object a line in, one reading a line out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from medneg.errors import QueryError
from medneg.query.parsers import QueryParser
from medneg.query.serialise import predictions

Progress = Callable[[int, int], None]


def read_questions(
    path: Path, reader: QueryParser, *, progress: Progress | None = None
) -> Iterator[dict[str, Any]]:
    """Read every query of a file.

    Args:
        path: lines such as ``{"id": "q1", "query": "effusion but no calcification"}``; blank lines and other
            fields are passed over.
        reader: who reads.
        progress: called with (done, total).

    Yields:
        ``{"id", "affirmed": [text], "negated": [{"concept", "strength"}], "uncertain": [text]}``, in the
        file's order.

    Raises:
        QueryError: a line is no such object, has the id of an earlier one, or its query cannot be read; the
            message names the line.
    """
    lines = [(number, line) for number, line in _lines(path) if line.strip()]
    known: dict[str, int] = {}
    for done, (number, line) in enumerate(lines, start=1):
        try:
            name, query = _question(line)
            if name in known:
                raise QueryError(f"the id {name!r} stands on line {known[name]} already")
            yield {"id": name, **predictions(reader.parse(query))}
        except QueryError as error:
            raise QueryError(f"{path}, line {number}: {error}") from error
        known[name] = number
        if progress is not None:
            progress(done, len(lines))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        yield from enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1)
    except UnicodeDecodeError as error:
        raise QueryError(f"{path} is not UTF-8 text, from byte {error.start} on") from error
    except OSError as error:
        raise QueryError(f"{path} cannot be read: {error.strerror}") from error


def _question(line: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise QueryError("it is not JSON") from error
    if not isinstance(row, dict):
        raise QueryError(f"it is a {type(row).__name__} and not an object with id and query")
    for field in ("id", "query"):
        if not isinstance(row.get(field), str):
            raise QueryError(f"{field} must be a string; got {row.get(field)!r}")
    return row["id"], row["query"]
