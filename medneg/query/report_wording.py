"""The words of reports: their headings, and turns of phrase in terms of the grammar's own cues.

The data are ``medneg/assets/report_wording.json``. Queries never see them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from medneg.query.cues import Phrases
from medneg.query.normalise import Token, singular

_MASK = re.compile(
    r"\[\*\*[^\]\n]{0,80}\]|\*\*[A-Z]{2,}(?:\[[^\]\n]{0,40}\])?|<X{2,}>?|(?<!\w)X{3,}(?!\w)|_{3,}"
)


@dataclass(frozen=True, slots=True)
class Wording:
    """Kinds of headings by their words, and what the grammar calls a turn of phrase (nothing: an aside)."""

    headings: Mapping[str, str]
    rewrites: Phrases[tuple[str, ...]]


@lru_cache(maxsize=1)
def wording() -> Wording:
    """The wording that ships with medneg."""
    text = files("medneg.assets").joinpath("report_wording.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    rewrites: Phrases[tuple[str, ...]] = Phrases()
    for row in data["rewrites"]:
        for phrase in row["phrases"]:
            rewrites.add(phrase, tuple(row["as"].split()))
    headings = {words: kind for kind, phrases in data["headings"].items() for words in phrases}
    return Wording(headings, rewrites)


def without_masks(text: str) -> str:
    """The text with blanks where de-identification left a mark ("XXXX", "[**Name**]"); as long as before.

    Example:
        >>> without_masks("Costophrenic XXXX blunting.")
        'Costophrenic      blunting.'
    """
    return _MASK.sub(lambda mask: " " * len(mask.group()), text)


def reworded(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with turns of phrase replaced by the grammar's own words, which keep the spans.

    Example:
        >>> from medneg.query.normalise import tokenise
        >>> [token.text for token in reworded(tokenise("overlap could obscure a nodule", {}))]
        ['overlap', 'may', 'represent', 'a', 'nodule']
    """
    words = [token.text for token in tokens]
    found: list[Token] = []
    position = 0
    while position < len(tokens):
        phrase = wording().rewrites.longest(words, position)
        if phrase is None:
            found.append(tokens[position])
            position += 1
            continue
        end, (replacement, *_) = phrase
        start, stop = tokens[position].start, max(token.end for token in tokens[position:end])
        found.extend(Token(word, singular(word), start, stop) for word in replacement)
        position = end
    return found
