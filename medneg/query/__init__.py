"""Words to typed, negation-aware queries, and reports to findings.

``parse`` reads a radiologist's query: a normaliser, typo repair, the longest phrase of the lexicon with its
modifiers, and a small grammar that follows negation, doubt and exception from left to right. ``refine``
reads again what that did not understand. ``read_report`` reads reports with the same machinery. ``parser``
gives the parser that a user chose: the grammar, or a language model that the grammar stands behind. The
lexicon and the cues are data, in ``medneg/assets``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from medneg.query.filters import Condition, read_condition
from medneg.query.lexicon import Finding, Lexicon, lexicon
from medneg.query.reading import parse
from medneg.query.serialise import from_json, predictions, to_json

if TYPE_CHECKING:
    from medneg.query.label_schemas import LabelSchema, label_schema
    from medneg.query.parsers import ParserSettings, QueryParser, parser, parser_settings
    from medneg.query.refining import refine
    from medneg.query.report import polarity_of, read_report
    from medneg.query.report_labels import ReportFinding, label_report

__all__ = [
    "Condition",
    "Finding",
    "LabelSchema",
    "Lexicon",
    "ParserSettings",
    "QueryParser",
    "ReportFinding",
    "from_json",
    "label_report",
    "label_schema",
    "lexicon",
    "parse",
    "parser",
    "parser_settings",
    "polarity_of",
    "predictions",
    "read_condition",
    "read_report",
    "refine",
    "to_json",
]

_LATER = {
    "label_schemas": ("LabelSchema", "label_schema"),
    "parsers": ("ParserSettings", "QueryParser", "parser", "parser_settings"),
    "refining": ("refine",),
    "report": ("polarity_of", "read_report"),
    "report_labels": ("ReportFinding", "label_report"),
}
"""Modules that reading a query does without; each is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
