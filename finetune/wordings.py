"""The sentences that tune a text tower: carriers with blanks, as data and composed, in minimal pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from numpy.random import Generator

from finetune.captions import words_for
from finetune.grammar import one_finding, pick, two_findings, words
from finetune.held_out import may_train
from medneg.query.lexicon import lexicon

PLAIN = 0.6
"""How often a finding is called by its prompt; else by any of its names."""

COMPOSED = 0.5
"""How often label-aware tuning composes its sentence by the grammar; else it stands in the lists."""

DRESSED = 0.2
"""How often a sentence gets an opener; as often, by itself, a closer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """Sentences with blanks.

    Attributes:
        pairs: (affirmed, negated) with ``{x}``: the same words around both polarities.
        exclusion, both, neither: with ``{a}`` and ``{b}``.
        openers, closers: words around a sentence that say nothing of any finding.
    """

    pairs: tuple[tuple[str, str], ...]
    exclusion: tuple[str, ...]
    both: tuple[str, ...]
    neither: tuple[str, ...]
    openers: tuple[str, ...]
    closers: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every carrier as it stands in the file."""
        return (*(one for pair in self.pairs for one in pair), *self.exclusion, *self.both, *self.neither)


@lru_cache(maxsize=1)
def carriers() -> Carriers:
    """The carriers that ship with the trainers."""
    text = files("finetune").joinpath("assets", "wordings.json").read_text(encoding="utf-8")
    told = json.loads(text)
    pairs = tuple((affirmed, negated) for affirmed, negated in told.pop("pairs"))
    return Carriers(pairs=pairs, **{kind: tuple(lines) for kind, lines in told.items()})


def pair(finding: str, rng: Generator) -> tuple[str, str]:
    """The same sentence about a finding in both polarities: affirmed, negated."""
    affirmed, negated = pick(carriers().pairs, rng)
    words, frame = name(finding, rng), dress("{}", rng)
    return frame.format(affirmed.format(x=words)), frame.format(negated.format(x=words))


def about_one(words: str, wanted: bool, rng: Generator) -> str:
    """A sentence that affirms or denies one finding, listed or composed.

    Args:
        words: what the finding is called.
    """

    def write() -> str:
        pairs = one_finding(rng) if rng.random() < COMPOSED else pick(carriers().pairs, rng)
        return pairs[0 if wanted else 1]

    return _draw(write, rng).format(x=words)


def about_two(called: tuple[str, str], wanted: tuple[bool, bool], rng: Generator) -> str:
    """A sentence about two findings, listed or composed; never one that wants the second alone.

    Args:
        called: what the findings are called.
        wanted: whether the sentence affirms them.
    """
    known = carriers()
    listed = {(True, False): known.exclusion, (True, True): known.both, (False, False): known.neither}[wanted]

    def write() -> str:
        return two_findings(*wanted, rng) if rng.random() < COMPOSED else pick(listed, rng)

    return _draw(write, rng).format(a=called[0], b=called[1])


def _draw(write: Callable[[], str], rng: Generator) -> str:
    """Write until it shares no phrase with what is kept for measuring."""
    while True:
        carrier = _dress_widely(write(), rng)
        if may_train(carrier):
            return carrier


def _dress_widely(sentence: str, rng: Generator) -> str:
    """As ``dress``, with the grammar's wider choice."""
    opener = pick(words()["openers"], rng) if rng.random() < DRESSED else ""
    closer = pick(words()["closers"], rng) if rng.random() < DRESSED else ""
    return f"{opener}{sentence}{closer}"


def dress(sentence: str, rng: Generator) -> str:
    """Put words around a sentence, now and then, that change nothing of what it says."""
    opener = pick(carriers().openers, rng) if rng.random() < DRESSED else ""
    closer = pick(carriers().closers, rng) if rng.random() < DRESSED else ""
    return f"{opener}{sentence}{closer}"


def name(finding: str, rng: Generator) -> str:
    """One of the words for a finding, its prompt most often."""
    if rng.random() < PLAIN:
        return lexicon().finding(finding).prompt
    return pick(words_for(finding), rng)
