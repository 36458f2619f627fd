"""The sentences in which the benchmarks ask: carriers with blanks, as data in ``medneg/assets/benchmark``.

Blanks: ``{a}``, ``{a2}`` wanted findings, ``{b}``, ``{b2}`` unwanted ones, ``{c}`` one that is left open,
``{n}`` a statement of normality, ``{x}`` the finding of a CON2 prompt. ``data/`` describes the sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from medneg.query import lexicon, parse
from medneg.query.mentions import counterfactuals
from medneg.values import Mention, Polarity, Query, Strength

Wording = Literal["structured", "natural"]
Parse = Literal["real", "gold"]
Carriers = Mapping[str, Mapping[Wording, Sequence[str]]]


@lru_cache(maxsize=1)
def carriers() -> Carriers:
    """ExclusionBench's carriers by kind of question and wording."""
    found: Carriers = json.loads(_read("carriers.json"))
    return found


@lru_cache(maxsize=1)
def con2_prompts() -> Mapping[str, Sequence[str]]:
    """The 99 prompts by group: "structured positive" to "natural negative"."""
    found: Mapping[str, Sequence[str]] = json.loads(_read("con2.json"))
    return found


def _read(name: str) -> str:
    return files("medneg.assets").joinpath("benchmark", name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a question means, by lexicon id, whatever its words are.

    Attributes:
        wanted, unwanted, open: findings that must be there, must not be there, may be either.
        normal: a statement of normality that is made; what it denies stands in ``unwanted``.
    """

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    normal: str | None = None

    @property
    def findings(self) -> tuple[str, ...]:
        """All findings of which the truth must be known."""
        return self.wanted + self.unwanted


def fill(carrier: str, asked: Asked) -> str:
    """Put the findings' prompts into a carrier's blanks.

    Example:
        >>> fill("{a} but no {b}", Asked(wanted=("pneumothorax",), unwanted=("pacemaker",)))
        'pneumothorax but no pacemaker'
    """
    blanks: dict[str, str] = {}
    for letter, ids in (("a", asked.wanted), ("b", asked.unwanted), ("c", asked.open)):
        blanks |= {f"{letter}{place or ''}": _prompt(finding) for place, finding in _places(ids)}
    if asked.normal is not None:
        blanks["n"] = _prompt(asked.normal)
    return carrier.format(**blanks)


def _places(ids: Sequence[str]) -> list[tuple[int, str]]:
    """The first blank of a letter has no number, the second is 2."""
    return [(place if place > 1 else 0, finding) for place, finding in enumerate(ids, start=1)]


def _prompt(finding: str) -> str:
    return lexicon().finding(finding).prompt


def read_words(words: str, asked: Asked, how: Parse) -> Query:
    """The query that a sentence becomes: as the parser reads it, or as it is meant.

    Comparing the two separates what the parser gets wrong from what the scoring does.
    """
    return parse(words) if how == "real" else gold(words, asked)


def gold(words: str, asked: Asked) -> Query:
    """The query that a sentence means, without reading it: strong negations, no modifiers.

    Normality speaks as the parser's convention has it: the statement is wanted, what it denies is unwanted,
    weakly.
    """
    denied: Strength = "weak" if asked.normal else "strong"
    said = asked.wanted if asked.normal is None else (asked.normal, *asked.wanted)
    affirmed = tuple(_mention(finding, "affirmed") for finding in said)
    negated = tuple(_mention(finding, "negated", denied) for finding in asked.unwanted)
    return Query(
        raw=words,
        affirmed=affirmed,
        negated=negated,
        uncertain=tuple(_mention(finding, "uncertain") for finding in asked.open),
        counterfactuals=counterfactuals(affirmed, negated),
    )


def _mention(finding: str, polarity: Polarity, strength: Strength | None = None) -> Mention:
    return Mention(text=_prompt(finding), polarity=polarity, finding=finding, strength=strength)


def understood(query: Query, asked: Asked) -> bool:
    """Whether a reading names exactly the findings that are meant, each with its polarity."""
    meant = gold(query.raw, asked)
    return all(
        {mention.finding for mention in getattr(query, polarity)}
        == {mention.finding for mention in getattr(meant, polarity)}
        for polarity in ("affirmed", "negated", "uncertain")
    )
