"""Queries to JSON and back, so that a person's edited reading can be sent in place of words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from medneg.errors import QueryError
from medneg.values import FieldFilter, Mention, Query, QueryWarning, Repair

SCHEMA_VERSION = 1
_POLARITIES = ("affirmed", "negated", "uncertain")


def to_json(query: Query) -> dict[str, Any]:
    """A query as plain lists, strings and numbers, with its ``schema_version``."""
    return {"schema_version": SCHEMA_VERSION, **_plain(asdict(query))}


def from_json(data: Mapping[str, Any]) -> Query:
    """The query that ``to_json`` wrote.

    Raises:
        QueryError: another schema version, an unknown or missing field, or a value that a query cannot have.
    """
    if not isinstance(data, Mapping):
        raise QueryError(f"a query in JSON is an object; got {type(data).__name__}")
    version = data.get("schema_version")
    if version != SCHEMA_VERSION:
        raise QueryError(f"this program reads queries of schema version {SCHEMA_VERSION}; got {version!r}")
    if not isinstance(data.get("raw"), str):
        raise QueryError(f"a query's raw is a string; got {data.get('raw')!r}")
    values = {name: value for name, value in data.items() if name != "schema_version"}
    try:
        for polarity in _POLARITIES:
            values[polarity] = tuple(_built(Mention, row) for row in values.get(polarity, ()))
        values["warnings"] = tuple(_built(QueryWarning, row) for row in values.get("warnings", ()))
        values["repairs"] = tuple(_built(Repair, row) for row in values.get("repairs", ()))
        values["filters"] = tuple(_built(FieldFilter, row) for row in values.get("filters", ()))
        query: Query = _built(Query, values)
    except (TypeError, ValueError) as error:
        raise QueryError(f"this is no query: {error}") from error
    return query


def predictions(query: Query) -> dict[str, list[Any]]:
    """A reading as plain phrases, the form in which readings are compared with a reader's.

    Example:
        >>> from medneg.query import parse
        >>> predictions(parse("effusion but no calcification"))["negated"]
        [{'concept': 'calcification', 'strength': 'strong'}]
    """
    return {
        "affirmed": [mention.text for mention in query.affirmed],
        "negated": [{"concept": mention.text, "strength": mention.strength} for mention in query.negated],
        "uncertain": [mention.text for mention in query.uncertain],
    }


def _built(kind: type[Any], row: Mapping[str, Any]) -> Any:
    """An instance of ``kind`` from a JSON object; lists become tuples, unknown fields are refused."""
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(row) - known)
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {', '.join(unknown)}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
