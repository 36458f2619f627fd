"""Which finding may be meant by words that nobody understands: nearest in letters and in sound."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from medneg.query.lexicon import lexicon
from medneg.query.normalise import singular
from medneg.query.repair import targets

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

_LEAST_LETTERS = 4


@dataclass(frozen=True, slots=True)
class Curve:
    """log-odds that a repair is right: bias + nearness · (how alike) + margin · (how far ahead of the next).

    Fitted as docs/explanation/reex.md tells.
    """

    bias: float
    nearness: float
    margin: float

    def __call__(self, nearness: float, margin: float) -> float:
        """The probability, in (0, 1)."""
        return 1 / (1 + math.exp(-(self.bias + self.nearness * nearness + self.margin * margin)))


WORD = Curve(bias=0.25, nearness=2.5, margin=5.5)
"""For the grammar's repair of one word, which went through its own checks."""

STRETCH = Curve(bias=-7.1, nearness=10.2, margin=4.3)
"""For a finding in a stretch of words that nobody understood."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What words may mean.

    Attributes:
        words: for the text encoder and for the grammar.
        finding: its lexicon id.
        nearness: how alike the words are, in [0, 1].
        confidence: how likely it is right, in [0, 1].
    """

    words: str
    finding: str
    nearness: float
    confidence: float


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


def nearest(windows: tuple[str, ...]) -> tuple[Candidate, ...]:
    """The likeliest finding for each of some stretches of words.

    Nearness is the mean of two similarities, 1 − d/longest with the optimal string alignment distance d: of
    the letters without blanks, and of their ``sound``.

    Example:
        >>> nearest(("plural a fusion",))[0].words
        'pleural effusion'
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    letters, sounds, findings, prompts = _phrases()
    alike = cdist([_letters(each) for each in windows], letters, scorer=OSA.normalized_similarity)
    heard = cdist([sound(each) for each in windows], sounds, scorer=OSA.normalized_similarity)
    found = []
    for row in (alike + heard) / 2:
        best = int(row.argmax())
        others = row[[finding not in _kin(findings[best]) for finding in findings]]
        nearness, next_best = float(row[best]), float(others.max(initial=0.0))
        sure = STRETCH(nearness, nearness - next_best)
        found.append(Candidate(prompts[best], findings[best], nearness, sure))
    return tuple(found)


@lru_cache(maxsize=1024)
def repair_confidence(word: str, better: str) -> float:
    """How likely the grammar's repair of one word is right: its nearness, and that of other known words.

    Example:
        >>> repair_confidence("effusoin", "effusion") > 0.95 > repair_confidence("mastr", "mass")
        True
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    letters, sounds, stems = _words()
    alike = cdist([word], letters, scorer=OSA.normalized_similarity)
    heard = cdist([sound(word)], sounds, scorer=OSA.normalized_similarity)
    nearness = (
        OSA.normalized_similarity(word, better) + OSA.normalized_similarity(sound(word), sound(better))
    ) / 2
    others = ((alike + heard) / 2)[0][[stem != singular(better) for stem in stems]]
    return WORD(nearness, nearness - float(others.max(initial=0.0)))


@lru_cache(maxsize=1)
def _words() -> tuple[list[str], list[str], list[str]]:
    """Letters, sounds and stems of every word that the grammar repairs to."""
    words = [word for each in targets().values() for word in each]
    return words, [sound(word) for word in words], [singular(word) for word in words]


@lru_cache(maxsize=1)
def _phrases() -> tuple[list[str], list[str], list[str], list[str]]:
    """Letters and sounds of every name in the lexicon, with its finding and the words to read it as."""
    rows = {
        words.lower(): (finding.id, words.lower() if finding.verbatim else finding.prompt)
        for finding in lexicon().findings
        if finding.kind in ("finding", "device")
        for words in (finding.prompt, finding.name, *finding.synonyms)
        if sum(map(str.isalpha, words)) >= _LEAST_LETTERS
    }
    findings, prompts = zip(*rows.values(), strict=True)
    return [_letters(each) for each in rows], [sound(each) for each in rows], list(findings), list(prompts)


@lru_cache(maxsize=512)
def _kin(finding: str) -> frozenset[str]:
    """A finding, its kinds and what it is a kind of: taking one for the other is no great harm."""
    words = lexicon()
    return frozenset((finding, *words.descendants(finding), *words.ancestors(finding)))


def _letters(words: str) -> str:
    return "".join(LETTERS.findall(words.lower()))
