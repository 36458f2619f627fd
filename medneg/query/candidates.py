"""What may be meant by words that nobody understands: the nearest name in letters and in sound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from medneg.query.names import known_names, only_letters, sound
from medneg.query.normalise import singular
from medneg.query.repair import targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUT_SHORT = 0.9
"""How near words are to a name that has them as the beginnings of its own ("ao calc")."""

LEAST_MARGIN = 0.05
"""How far ahead a word must be that names nothing: findings are what queries are about."""

LEAST_REST = 0.5
"""How near the words must be that a stretch and a name do not share."""


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
        name: the finding's name, or the word, that is nearest.
        finding: its lexicon id; empty for a word that queries are put in ("showing").
        nearness: how alike the words are, in [0, 1].
        confidence: how likely it is right, in [0, 1].
    """

    words: str
    name: str
    finding: str
    nearness: float
    confidence: float


def nearest(windows: tuple[str, ...]) -> tuple[Candidate, ...]:
    """What each of some stretches of words is likeliest to mean.

    Nearness is the mean of two similarities, 1 − d/longest with the optimal string alignment distance d: of
    the letters without blanks, and of their ``sound``. Words cut short are near by ``CUT_SHORT`` at least.

    Example:
        >>> nearest(("plural a fusion",))[0].words, nearest(("ao calc",))[0].words
        ('pleural effusion', 'aortic calcification')
    """
    names = known_names()
    rows = similarities(windows, names.letters, names.sounds)
    found = []
    for window, row in zip(windows, rows, strict=True):
        short = names.beginning_with(window)
        row[short] = np.maximum(row[short], CUT_SHORT)
        best = int(row.argmax())
        others = row[names.apart(best)]
        nearness, next_best = float(row[best]), float(others.max(initial=0.0))
        name, finding, margin = names.words[best], names.findings[best], nearness - next_best
        alike = best in short or _differs(window, name)
        sure = STRETCH(nearness, margin) if alike and (finding or margin >= LEAST_MARGIN) else 0.0
        found.append(Candidate(names.better[best], name, finding, nearness, sure))
    return tuple(found)


def similarities(
    windows: Sequence[str], letters: Sequence[str], sounds: Sequence[str]
) -> NDArray[np.float32]:
    """Nearness of stretches of words and names that are given by letters and sounds, shape (w, n)."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    alike = cdist([only_letters(each) for each in windows], letters, scorer=OSA.normalized_similarity)
    heard = cdist([sound(each) for each in windows], sounds, scorer=OSA.normalized_similarity)
    found: NDArray[np.float32] = (alike + heard) / 2
    return found


def _differs(window: str, name: str) -> bool:
    """Whether what the two do not share is alike too: "pull monary edema" is, "ith rib fracture" is not."""
    typed, meant = window.lower().split(), name.split()
    rest = " ".join(word for word in typed if word not in meant)
    other = " ".join(word for word in meant if word not in typed)
    if not rest or not other:
        return False
    return bool(similarities([rest], [only_letters(other)], [sound(other)])[0, 0] >= LEAST_REST)


@lru_cache(maxsize=1024)
def repair_confidence(word: str, better: str) -> float:
    """How likely the grammar's repair of one word is right: its nearness, and that of other known words.

    Example:
        >>> repair_confidence("effusoin", "effusion") > 0.95 > repair_confidence("mastr", "mass")
        True
    """
    letters, sounds, stems = _words()
    (nearness,) = similarities([word], [only_letters(better)], [sound(better)])[0]
    others = similarities([word], letters, sounds)[0][[stem != singular(better) for stem in stems]]
    return WORD(float(nearness), float(nearness - others.max(initial=0.0)))


@lru_cache(maxsize=1)
def _words() -> tuple[list[str], list[str], list[str]]:
    """Letters, sounds and stems of every word that the grammar repairs to."""
    words = [word for each in targets().values() for word in each]
    return words, [sound(word) for word in words], [singular(word) for word in words]
