"""A model's answer: found in whatever it wrote around it, and checked field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast, get_args

from medneg.query.language_model.prompt import MAX_MENTIONS
from medneg.values import Polarity, Strength

_LONGEST_REPLY = 20_000
_MOST_ATTEMPTS = 16
_LONGEST_CONCEPT = 200


class Unusable(Exception):
    """A language model gave nothing that can be used; the message ends a sentence that begins with "it"."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One phrase that a model sorted; ``strength`` is set for negated ones only."""

    concept: str
    polarity: Polarity
    strength: Strength | None = None


def read_reply(content: str) -> tuple[Claim, ...]:
    """What a model claims: the first JSON object in its words, fences and prose around it left aside.

    Raises:
        Unusable: there is no complete object, or it is not an answer to the prompt.

    Example:
        >>> read_reply('Sure: {"affirmed": ["effusion"], "negated": [], "uncertain": []}')
        (Claim(concept='effusion', polarity='affirmed', strength=None),)
    """
    answer = _first_object(content)
    unknown = sorted(set(answer) - set(get_args(Polarity)))
    if unknown or not answer:
        raise Unusable("answered with an object of another kind")
    claims = tuple(_claims(answer))
    if len(claims) > MAX_MENTIONS:
        raise Unusable(f"named {len(claims)} findings; at most {MAX_MENTIONS} are taken")
    return claims


def _first_object(content: str) -> dict[str, Any]:
    if len(content) > _LONGEST_REPLY:
        raise Unusable(f"answered with {len(content):,} characters; at most {_LONGEST_REPLY:,} are read")
    decoder = json.JSONDecoder()
    place = content.find("{")
    for _ in range(_MOST_ATTEMPTS):
        if place < 0:
            break
        try:
            found = decoder.raw_decode(content, place)[0]
        except (ValueError, RecursionError):
            place = content.find("{", place + 1)
        else:
            return cast("dict[str, Any]", found)
    raise Unusable("gave no complete JSON object")


def _claims(answer: dict[str, Any]) -> Iterator[Claim]:
    for polarity in get_args(Polarity):
        entries = answer.get(polarity, [])
        if not isinstance(entries, list):
            raise Unusable(f"gave no list of {polarity} findings")
        for entry in entries:
            if polarity == "negated":
                yield _negated(entry)
            else:
                yield Claim(_concept(entry), polarity)


def _negated(entry: object) -> Claim:
    if not isinstance(entry, dict) or set(entry) != {"concept", "strength"}:
        raise Unusable("gave a negated finding without its strength")
    if entry["strength"] not in get_args(Strength):
        raise Unusable(f"gave a strength other than {', '.join(get_args(Strength))}")
    return Claim(_concept(entry["concept"]), "negated", entry["strength"])


def _concept(entry: object) -> str:
    if not isinstance(entry, str) or not entry.strip() or len(entry) > _LONGEST_CONCEPT:
        raise Unusable("named a finding that is no short phrase")
    return entry
