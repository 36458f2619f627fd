"""Queries as they really come: mistyped, cut short, misheard, abbreviated; nine ways at five severities.

It is for questions about radiographs what COCO-C's text corruptions are for captions (Qiu et al. 2022, arXiv
2212.08044). A corrupted question still asks the same, or its answer would not be known:

* letters change in words of four letters and more alone, once in a word that says what is negated or in
  doubt ("without", "absent"), and never so that another word of the lexicon or of English comes out: typos
  that are words ("lung" for "long") belong to what is misheard, and are chosen by hand;
* words that say what is negated or in doubt, and those that join findings, are neither dropped nor moved,
  and nothing moves past them: "but no" decides what the answer is;
* of a finding's own words one may be dropped where the rest still names the same finding ("effusion");
* what is misheard and what is abbreviated stands in ``medneg/assets/benchmark/confusions.json``; no entry
  names another finding, and none takes the place of a negation ("know" for "no" would).

A severity hits a share of the words that it could hit, the same words and more as it rises.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.random import Generator

from medneg.errors import UnknownName
from medneg.evaluation.marking import Marked, mark
from medneg.query import lexicon
from medneg.query.repair import is_known

SEVERITIES = (1, 2, 3, 4, 5)

SHARES = (0.2, 0.35, 0.5, 0.75, 1.0)
"""The share of the words that a corruption could hit, by severity; at least one of them."""

TWICE_FROM = 4
"""From this severity on, words of ``LONG`` letters and more are mistyped twice."""

LONG = 7
SHORTEST = 4
TRIES = 20
"""Draws of a typo before a word is left as it is, because all of them were words."""

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """A way in which questions go wrong.

    Attributes:
        what: what one severity changes, for people.
        apply: a question at a severity, with random numbers that depend on the question alone.
    """

    what: str
    apply: Callable[[Marked, int, Generator], str]


def corrupt(words: str, name: str, severity: int, *, seed: int = 0) -> str:
    """Corrupt a question; it still asks the same.

    Args:
        words: the question.
        name: one of ``CORRUPTIONS``.
        severity: 1 (a slip) to 5 (all that can go wrong does).
        seed: with the words and the name it decides everything.

    Returns:
        The words as they were, where nothing in them can go wrong this way.

    Raises:
        UnknownName: if there is no such corruption.
        ValueError: if the severity is none of the five.

    Example:
        >>> corrupt("pleural effusion without pneumothorax", "abbreviated", 5)
        'pl eff w/o pnx'
    """
    if name not in CORRUPTIONS:
        raise UnknownName("corruption", name, known=CORRUPTIONS)
    if severity not in SEVERITIES:
        raise ValueError(f"a severity is 1, 2, 3, 4 or 5; got {severity!r}")
    rng = np.random.default_rng([seed, zlib.crc32(words.encode()), list(CORRUPTIONS).index(name)])
    return CORRUPTIONS[name].apply(mark(words), severity, rng)


def _some(candidates: Sequence[int], severity: int, rng: Generator) -> list[int]:
    """The candidates that a severity hits; a higher one hits these too."""
    if not candidates:
        return []
    count = max(1, round(SHARES[severity - 1] * len(candidates)))
    return [candidates[place] for place in rng.permutation(len(candidates))[:count]]


def _letters(edit: Callable[[str, int, Generator], str]) -> Callable[[Marked, int, Generator], str]:
    """A corruption that mistypes words by one edit of the letter at a place."""

    def apply(marked: Marked, severity: int, rng: Generator) -> str:
        able = [n for n in range(len(marked.words)) if sum(map(str.isalpha, marked.word(n))) >= SHORTEST]
        seeds = rng.integers(2**32, size=len(marked.words))
        edits = {}
        for number in _some(able, severity, rng):
            word, own = marked.word(number), np.random.default_rng(seeds[number])
            twice = severity >= TWICE_FROM and len(word) >= LONG and not marked.is_joint(number)
            for _ in range(2 if twice else 1):
                word = _mistyped(word, edit, own)
            edits[number] = word
        return marked.with_edits(edits)

    return apply


def _mistyped(word: str, edit: Callable[[str, int, Generator], str], rng: Generator) -> str:
    """A word with one typo, which must not be a word itself."""
    for _ in range(TRIES):
        typo = edit(word, int(rng.integers(len(word))), rng)
        if typo != word and not is_known(typo.lower()):
            return typo
    return word


def _neighbouring_key(word: str, place: int, rng: Generator) -> str:
    keys = near_keys().get(word[place].lower(), "")
    return word[:place] + str(rng.choice(list(keys))) + word[place + 1 :] if keys else word


def _dropped_letter(word: str, place: int, _: Generator) -> str:
    return word[:place] + word[place + 1 :] if word[place].isalpha() else word


def _doubled_letter(word: str, place: int, _: Generator) -> str:
    return word[:place] + word[place] + word[place:] if word[place].isalpha() else word


def _swapped_letters(word: str, place: int, _: Generator) -> str:
    pair = word[place : place + 2]
    return word[:place] + pair[::-1] + word[place + 2 :] if pair.isalpha() else word


@lru_cache(maxsize=1)
def near_keys() -> Mapping[str, str]:
    """For each letter those beside it on a QWERTY keyboard: left, right, above and below.

    Example:
        >>> near_keys()["s"]
        'adwezx'
    """
    near: dict[str, str] = {}
    for row, keys in enumerate(KEYBOARD):
        for column, key in enumerate(keys):
            beside = keys[max(0, column - 1) : column] + keys[column + 1 : column + 2]
            above = KEYBOARD[row - 1][column : column + 2] if row else ""
            below = KEYBOARD[row + 1][max(0, column - 1) : column + 1] if row + 1 < len(KEYBOARD) else ""
            near[key] = beside + above + below
    return near


def _dropped_words(marked: Marked, severity: int, rng: Generator) -> str:
    of_findings = {number for _, numbers in marked.findings for number in numbers}
    able = [n for n in range(len(marked.words)) if n not in of_findings and not marked.is_joint(n)]
    for finding, numbers in marked.findings:
        spare = [n for n in numbers if _names(marked, finding, [m for m in numbers if m != n])]
        able += spare[:1]
    return marked.with_edits(dict.fromkeys(_some(sorted(set(able)), severity, rng), ""))


def _names(marked: Marked, finding: str, numbers: Sequence[int]) -> bool:
    rest = " ".join(marked.word(number) for number in numbers)
    return bool(rest) and lexicon().resolve(rest) == finding


def _swapped_words(marked: Marked, severity: int, rng: Generator) -> str:
    able = [
        number
        for number, (one, other) in enumerate(zip(marked.words, marked.words[1:], strict=False))
        if not (marked.is_joint(number) or marked.is_joint(number + 1))
        and not marked.text[one[1] : other[0]].strip()
    ]
    edits: dict[int, str] = {}
    for number in _some(able, severity, rng):
        if number not in edits and number + 1 not in edits:
            edits |= {number: marked.word(number + 1), number + 1: marked.word(number)}
    return marked.with_edits(edits)


def _recased(marked: Marked, severity: int, rng: Generator) -> str:
    if severity == 1:
        return marked.text[:1].upper() + marked.text[1:]
    if severity == 2:
        return marked.with_edits({n: marked.word(n).capitalize() for n in range(len(marked.words))})
    if severity == 3:
        half = _some(range(len(marked.words)), 3, rng)
        return marked.with_edits({number: marked.word(number).upper() for number in half})
    if severity == 4:
        return marked.text.upper()
    big = rng.random(len(marked.text)) < 0.5
    return "".join(
        letter.upper() if up else letter.lower() for letter, up in zip(marked.text, big, strict=True)
    )


def _replaced(table: str) -> Callable[[Marked, int, Generator], str]:
    """A corruption that replaces words and phrases by what a table has for them."""

    def apply(marked: Marked, severity: int, rng: Generator) -> str:
        choices, pattern = _table(table)
        found = list(pattern.finditer(marked.text))
        drawn = [str(rng.choice(choices[one[0].lower()])) for one in found]
        pieces, position = [], 0
        for place in sorted(_some(range(len(found)), severity, rng)):
            pieces += [marked.text[position : found[place].start()], drawn[place]]
            position = found[place].end()
        return "".join([*pieces, marked.text[position:]])

    return apply


@lru_cache(maxsize=2)
def _table(name: str) -> tuple[Mapping[str, Sequence[str]], re.Pattern[str]]:
    """A table of ``confusions.json`` and what finds its keys, the longest first."""
    choices = confusions()[name]
    keys = "|".join(re.escape(key) for key in sorted(choices, key=len, reverse=True))
    return choices, re.compile(rf"(?<![\w-])(?:{keys})(?![\w-])", re.IGNORECASE)


@lru_cache(maxsize=1)
def confusions() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """What speech recognition makes of words ("speech"), and short forms ("abbreviations")."""
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(
        files("medneg.assets").joinpath("benchmark", "confusions.json").read_text(encoding="utf-8")
    )
    return found


CORRUPTIONS: Mapping[str, Corruption] = {
    "neighbouring-key": Corruption(
        what="a letter becomes one beside it on the keyboard, in 20 to 100 % of the words of four letters "
        "and more; from severity 4 twice in words of seven and more",
        apply=_letters(_neighbouring_key),
    ),
    "dropped-letter": Corruption(
        what="a letter is missing, in as many words", apply=_letters(_dropped_letter)
    ),
    "doubled-letter": Corruption(
        what="a letter comes twice, in as many words", apply=_letters(_doubled_letter)
    ),
    "swapped-letters": Corruption(
        what="two neighbouring letters change places, in as many words", apply=_letters(_swapped_letters)
    ),
    "dropped-words": Corruption(
        what="20 to 100 % of the words go that neither negate nor join, nor are needed to name a finding",
        apply=_dropped_words,
    ),
    "swapped-words": Corruption(
        what="20 to 100 % of the neighbouring words change places, where neither negates or joins",
        apply=_swapped_words,
    ),
    "casing": Corruption(
        what="a capital at the start; at every word; half of the words in capitals; all; any letter",
        apply=_recased,
    ),
    "misheard": Corruption(
        what="20 to 100 % of the words that speech recognition confuses become what it hears",
        apply=_replaced("speech"),
    ),
    "abbreviated": Corruption(
        what="20 to 100 % of the words and names that have a short form become it",
        apply=_replaced("abbreviations"),
    ),
}
"""Every corruption by its name."""
