"""What words may be taken for: findings by all their names, and the words that queries are put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from medneg.query.cues import vocabulary
from medneg.query.lexicon import lexicon
from medneg.query.normalise import singular

if TYPE_CHECKING:
    from numpy.typing import NDArray

LETTERS = re.compile(r"[^\W\d_]+")
_SOUNDS = (
    (re.compile(r"^pn|^kn"), "n"),
    (re.compile(r"^ps"), "s"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"gh"), ""),
    (re.compile(r"ck|q"), "k"),
    (re.compile(r"c(?=[eiy])"), "s"),
    (re.compile(r"x"), "ks"),
    (re.compile(r"[aeiouhwy]"), ""),
)
_ALIKE = str.maketrans("bdgvzjc", "ptkfssk")
_TWICE = re.compile(r"(.)\1+")
_LEAST_LETTERS, _LEAST_CUT = 4, 2


def sound(words: str) -> str:
    """The consonants that are heard, voiced and voiceless ones alike.

    Example:
        >>> sound("pneumothorax"), sound("numa thorax"), sound("crdmgly"), sound("cardiomegaly")
        ('nmtrks', 'nmtrks', 'krtmkl', 'krtmkl')
    """
    heard = "".join(LETTERS.findall(words.lower()))
    for pattern, replacement in _SOUNDS:
        heard = pattern.sub(replacement, heard)
    return _TWICE.sub(r"\1", heard.translate(_ALIKE))


def only_letters(words: str) -> str:
    """Words in small letters without blanks and marks."""
    return "".join(LETTERS.findall(words.lower()))


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """n names.

    Attributes:
        words, letters, sounds: of each.
        findings: the lexicon id of each; empty for a word that queries are put in.
        better: what to read for each: the finding's words for a text encoder, or the word itself.
    """

    words: tuple[str, ...]
    letters: tuple[str, ...]
    sounds: tuple[str, ...]
    findings: tuple[str, ...]
    better: tuple[str, ...]

    def beginning_with(self, window: str) -> list[int]:
        """The findings' names whose words begin with a window's words, one by one: "ao calc"."""
        typed = [word.lower() for word in LETTERS.findall(window)]
        if sum(map(len, typed)) < _LEAST_LETTERS or min(map(len, typed)) < _LEAST_CUT:
            return []
        return [place for place, name in _by_count().get(len(typed), ()) if _is_cut(typed, name)]

    def apart(self, place: int) -> NDArray[np.bool_]:
        """The names that mean something else than one of them, shape (n,): kinds and parents do not."""
        return _apart(self.findings[place], self.words[place])


@lru_cache(maxsize=1)
def known_names() -> Names:
    """Names and synonyms of all findings and devices, and the words that queries are put in."""
    rows = {words: row for words, *row in _rows()}
    findings, better = zip(*rows.values(), strict=True)
    return Names(
        words=tuple(rows),
        letters=tuple(map(only_letters, rows)),
        sounds=tuple(map(sound, rows)),
        findings=findings,
        better=better,
    )


def _rows() -> Iterator[tuple[str, str, str]]:
    """Words, finding, what to read; what comes later counts."""
    known = vocabulary()
    plain = known.stop | known.fillers | known.context.words | known.cues.words
    for word in sorted(plain):
        if word.isalpha() and len(word) >= _LEAST_LETTERS:
            yield word, "", word
    for finding in lexicon().findings:
        if finding.kind in ("finding", "device"):
            for name in (*finding.synonyms, finding.name, finding.prompt):
                if len(only_letters(name)) >= _LEAST_LETTERS:
                    yield name.lower(), finding.id, name.lower() if finding.verbatim else finding.prompt


@lru_cache(maxsize=1)
def _by_count() -> dict[int, list[tuple[int, list[str]]]]:
    """Places and words of the findings' names by how many words they have."""
    names = known_names()
    found: dict[int, list[tuple[int, list[str]]]] = {}
    for place, (name, finding) in enumerate(zip(names.words, names.findings, strict=True)):
        words = LETTERS.findall(name)
        if finding:
            found.setdefault(len(words), []).append((place, words))
    return found


def _is_cut(typed: list[str], name: list[str]) -> bool:
    begins = all(whole.startswith(word) for word, whole in zip(typed, name, strict=True))
    return begins and sum(map(len, name)) - sum(map(len, typed)) >= _LEAST_CUT


@lru_cache(maxsize=512)
def _apart(finding: str, word: str) -> NDArray[np.bool_]:
    names = known_names()
    if not finding:
        return np.array([singular(other) != singular(word) for other in names.words])
    words = lexicon()
    kin = {finding, *words.descendants(finding), *words.ancestors(finding)}
    return np.array([other not in kin for other in names.findings])
