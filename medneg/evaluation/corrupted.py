"""What corruption of questions costs, by method: clean against five severities, on the same questions.

Each question goes wrong in one way (``medneg.evaluation.corruptions``), the same at every severity; the ways
take turns. What is measured is how much of a method's precision is lost, and how much less that is than what
a plain search loses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32, float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.errors import ArchiveError, CalibrationMissing
from medneg.evaluation import metrics
from medneg.evaluation.asking import Setup, about, open_gallery, remember
from medneg.evaluation.corruption_report import UNREPAIRED, CorruptionReport, Measured, summarise
from medneg.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from medneg.evaluation.exclusionbench import exclusionbench
from medneg.evaluation.gallery import Fold, Gallery, Way, usable_ways
from medneg.evaluation.measuring import K, Progress
from medneg.evaluation.questions import Question
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import carriers, fill, read_words, understood
from medneg.search import DEFAULT_METHOD, PLAIN
from medneg.values import Mention, Query

if TYPE_CHECKING:
    from medneg.scoring import TextTower

MOST = {"affirmed": 60, "negated": 40, "exclusion": 60}
"""Kinds of question that are asked, and how many of each in either wording, at most."""

NAMES = (PLAIN[0], "affirmed-only", UNREPAIRED, DEFAULT_METHOD, "reex")
"""Methods that are asked unless others are named, in the raw space all of them."""


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


def corrupted(
    images: NDArray[float32],
    truth: Truth,
    encoder: TextTower,
    *,
    setup: Setup,
    folds: tuple[Fold, ...] | None = None,
    progress: Progress | None = None,
) -> CorruptionReport:
    """Ask questions clean and corrupted, read by the parser: gold readings would hide what is corrupted.

    Args:
        images: unit embeddings, shape (n, d).
        truth: of the same pictures.
        encoder: its text tower reads the questions.
        setup: how to ask, and whom; methods are asked in the raw space.
        folds: calibrations from elsewhere; None fits them here, on other patients than are scored.
        progress: called with (done, total) questions.

    Raises:
        ArchiveError: if the gallery is too small for any question.
        UnknownName: if there is no such method.
    """
    rng = np.random.default_rng(setup.seed)
    asked = tuple(_spoilt(truth, setup.seed, rng))
    trial = next((one.queries[0] for one in asked if one.queries[0].negated), None)
    if trial is None:
        raise ArchiveError("these labels answer no question about what is not there; more are needed")
    names = setup.methods or NAMES
    known = replace(setup, parse="real", methods=tuple(dict.fromkeys(map(_method, names))))
    gallery = open_gallery(images, truth, encoder, setup=known, folds=folds)
    _remember(gallery, [query for one in asked for query in one.queries])
    usable, _ = usable_ways(gallery, known.methods, trial)
    ways = [
        Way(name, "raw", model)
        for model, name in product(gallery.models, names)
        if Way(_method(name), "raw", model) in usable
    ]
    meant = [[understood(query, one.question.asked) for query in one.queries] for one in asked]
    return summarise(
        about(gallery, known, folds),
        Measured(
            kinds=np.array([one.question.kind for one in asked]),
            corruptions=np.array([one.corruption for one in asked]),
            understood=np.array(meant),
            precision=_measure(gallery, asked, ways, progress),
        ),
        rng,
    )


def _method(name: str) -> str:
    """The method behind a name: the unrepaired default is the default."""
    return DEFAULT_METHOD if name == UNREPAIRED else name


def _spoilt(truth: Truth, seed: int, rng: Generator) -> Iterator[Spoilt]:
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


def _remember(gallery: Gallery, queries: Sequence[Query]) -> None:
    """Encode sentences and phrases, read and typed, many at a time: typos are hardly ever met twice."""
    remember(gallery, queries)
    negated = [query for query in queries if query.negated]
    mentions = [
        mention.text for query in negated for each in (query, as_typed(query)) for mention in each.mentions
    ]
    for model in gallery.models.values():
        model.tower.remember([model.tower.card.template.format(text) for text in dict.fromkeys(mentions)])


def _measure(
    gallery: Gallery, asked: Sequence[Spoilt], ways: Sequence[Way], progress: Progress | None
) -> dict[Way, NDArray[float64]]:
    """Precision@10 on gallery and pools of every question, clean and at each severity, (2, q, 6) a way."""
    found = {way: np.full((2, len(asked), len(SEVERITIES) + 1), np.nan) for way in ways}
    for place, one in enumerate(asked):
        for way, (severity, query) in product(ways, enumerate(one.queries)):
            try:
                scores = _score(gallery, query, way)
            except CalibrationMissing:
                continue
            found[way][0, place, severity] = _precision(one.question, scores, one.question.rows[None])
            if len(one.question.pools):
                found[way][1, place, severity] = _precision(one.question, scores, one.question.pools)
        if progress is not None:
            progress(place + 1, len(asked))
    return found


def _score(gallery: Gallery, query: Query, way: Way) -> NDArray[float64]:
    if way.method == UNREPAIRED:
        return gallery.score(as_typed(query), way._replace(method=DEFAULT_METHOD))
    return gallery.score(query, way)


def _precision(question: Question, scores: NDArray[float64], pools: NDArray[np.int64]) -> float:
    """Mean over the pools, shape (pools, size)."""
    best = np.take_along_axis(pools, metrics.top(scores[pools], K), axis=1)
    return float(metrics.precision(question.relevant[best], K).mean())


def as_typed(query: Query) -> Query:
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
