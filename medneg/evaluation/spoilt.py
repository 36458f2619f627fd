"""Questions with what becomes of them when they are corrupted, read by the parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from numpy.random import Generator

from medneg.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from medneg.evaluation.exclusionbench import exclusionbench
from medneg.evaluation.questions import Question
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import carriers, fill, read_words
from medneg.values import Mention, Query

MOST = {"affirmed": 60, "negated": 40, "exclusion": 60}
"""Kinds of question that are asked, and how many of each in either wording, at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spoilt:
    """A question, and how it goes wrong.

    Attributes:
        question: as it was meant.
        corruption: a name in ``CORRUPTIONS``.
        queries: the question clean and at the five severities, as they were read.
    """

    question: Question
    corruption: str
    queries: tuple[Query, ...]


def spoil(truth: Truth, seed: int, rng: Generator) -> Iterator[Spoilt]:
    """The questions that a gallery can answer, clean and corrupted, as the parser reads them."""
    names = [str(name) for name in rng.permutation(list(CORRUPTIONS))]
    for turn, (question, words) in enumerate(_questions(truth, rng)):
        in_turn = names[turn % len(names) :] + names[: turn % len(names)]
        able = (name for name in in_turn if corrupt(words, name, SEVERITIES[-1], seed=seed) != words)
        name = next(able)  # any words can be written in capitals
        texts = [words, *(corrupt(words, name, severity, seed=seed) for severity in SEVERITIES)]
        queries = tuple(read_words(text, question.asked, "real") for text in texts)
        yield Spoilt(question=question, corruption=name, queries=queries)


def _questions(truth: Truth, rng: Generator) -> Iterator[tuple[Question, str]]:
    """ExclusionBench's pairs, and its single findings in every carrier; some of each, with their words."""
    groups: dict[tuple[str, str], list[Question]] = {}
    for question in exclusionbench(truth, how="gold", rng=rng):
        if question.kind in MOST:
            groups.setdefault((question.kind, question.wording), []).append(question)
    for (kind, _), some in groups.items():
        choices = [(one, one.query.raw) for one in some]
        if kind != "exclusion":
            every = product(some, carriers()[kind][some[0].wording])
            choices = [(one, fill(carrier, one.asked)) for one, carrier in every]
        for place in sorted(rng.permutation(len(choices))[: MOST[kind]].tolist()):
            yield choices[place]


def unrepaired(query: Query) -> Query:
    """A reading with the words of its mentions as they were typed, whatever the parser took them for."""
    sides = {
        side: tuple(_typed(mention, query.raw) for mention in getattr(query, side))
        for side in ("affirmed", "negated", "uncertain")
    }
    return replace(query, **sides)  # type: ignore[arg-type]


def _typed(mention: Mention, raw: str) -> Mention:
    if mention.corrected_from is None or mention.span is None:
        return mention
    start, end = mention.span
    return replace(mention, text=raw[start:end], finding=None)
