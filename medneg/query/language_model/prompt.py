"""What a language model is asked: one prompt for decomposition and strength, and the schema of its answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

from medneg.values import Strength

PROMPT_VERSION = 1
"""Raised with every change of the words below; answers are remembered under it."""

MAX_MENTIONS = 8
MAX_TOKENS = 256

_RULES = """You read search queries over chest radiographs and sort the findings that a query names:
"affirmed" is wanted, "negated" is unwanted, "uncertain" is neither.
- Copy every finding word for word from the query, with the words for side, size and place beside it. Never \
add, translate or correct a word. Leave out the words that negate.
- The strength of a negation is "strong" for plain denials (no, without, absent, free of, minus), "moderate" \
for denied verbs, things that are gone and hedged denials (does not show, lacks, resolved, no definite), \
"weak" for doubt (unlikely, probably no, hardly any).
- A statement that something is normal is affirmed as it stands; do not negate what it implies.
- Possible, suspected, rule out, history of, "no new X" and "X versus Y" are uncertain.
- "no change in X" and double negations affirm X. "except X" turns the sense round for X.
- Views, persons, dates and courtesies are no findings.
Answer with one JSON object and nothing else. At most 8 findings."""

_EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "left basal atelectasis, not a hint of pneumothorax",
        {
            "affirmed": ["left basal atelectasis"],
            "negated": [{"concept": "pneumothorax", "strength": "strong"}],
            "uncertain": [],
        },
    ),
    (
        "portable films where the nodule doesn't show calcification, scarring unlikely",
        {
            "affirmed": ["nodule"],
            "negated": [
                {"concept": "calcification", "strength": "moderate"},
                {"concept": "scarring", "strength": "weak"},
            ],
            "uncertain": [],
        },
    ),
    (
        "clear lungs except for a granuloma",
        {"affirmed": ["clear lungs", "granuloma"], "negated": [], "uncertain": []},
    ),
    (
        "elderly women with a history of tuberculosis, query mass vs consolidation",
        {"affirmed": [], "negated": [], "uncertain": ["tuberculosis", "mass", "consolidation"]},
    ),
    (
        "unchanged cardiomegaly but the edema has resolved",
        {
            "affirmed": ["cardiomegaly"],
            "negated": [{"concept": "edema", "strength": "moderate"}],
            "uncertain": [],
        },
    ),
    (
        "neither rib fracture nor free air, yet not without effusion",
        {
            "affirmed": ["effusion"],
            "negated": [
                {"concept": "rib fracture", "strength": "strong"},
                {"concept": "free air", "strength": "strong"},
            ],
            "uncertain": [],
        },
    ),
)


def messages(text: str) -> list[dict[str, str]]:
    """The conversation that asks for the reading of one query."""
    conversation = [{"role": "system", "content": _RULES}]
    for query, answer in _EXAMPLES:
        conversation.append({"role": "user", "content": f"Query: {query}"})
        conversation.append({"role": "assistant", "content": json.dumps(answer)})
    return [*conversation, {"role": "user", "content": f"Query: {text}"}]


def answer_schema(concepts: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of an answer that can only name ``concepts``."""
    concept = {"type": "string", "enum": list(concepts)}
    negated = _object({"concept": concept, "strength": {"type": "string", "enum": list(get_args(Strength))}})
    listed = {"affirmed": concept, "negated": negated, "uncertain": concept}
    return _object(
        {name: {"type": "array", "items": items, "maxItems": MAX_MENTIONS} for name, items in listed.items()}
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
