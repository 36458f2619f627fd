"""What corruption of questions costs, by method: clean against five severities, on the same questions.

Each question goes wrong in one way (``medneg.evaluation.corruptions``), the same at every severity; the ways
take turns. What is measured is how much of a method's precision is lost, and how much less that is than what
a plain search loses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, product
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medneg.errors import ArchiveError, CalibrationMissing
from medneg.evaluation import metrics
from medneg.evaluation.asking import Setup, about, open_gallery, remember
from medneg.evaluation.corruption_report import UNREPAIRED, CorruptionReport, Measured, summarise
from medneg.evaluation.corruptions import SEVERITIES
from medneg.evaluation.gallery import Fold, Gallery, Way, usable_ways
from medneg.evaluation.measuring import K, Progress
from medneg.evaluation.questions import Question
from medneg.evaluation.spoilt import Spoilt, spoil, unrepaired
from medneg.evaluation.streams import STREAMS, follow, sessions
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import understood
from medneg.search import DEFAULT_METHOD, PLAIN
from medneg.values import Query

if TYPE_CHECKING:
    from medneg.adaptation import Session
    from medneg.scoring import TextTower

NAMES = (PLAIN[0], UNREPAIRED, DEFAULT_METHOD, "reex", *STREAMS)
"""What is asked unless methods are named, all of it in the raw space; streams of the base alone."""

Tick = Callable[[], None]


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
        progress: called with (done, total) readings of questions.

    Raises:
        ArchiveError: if the gallery is too small for any question.
        UnknownName: if there is no such method.
    """
    rng = np.random.default_rng(setup.seed)
    asked = tuple(spoil(truth, setup.seed, rng))
    trial = next((one.queries[0] for one in asked if one.queries[0].negated), None)
    if trial is None:
        raise ArchiveError("these labels answer no question about what is not there; more are needed")
    names = setup.methods or NAMES
    methods = tuple(dict.fromkeys(_method(name) for name in names if name not in STREAMS))
    known = replace(setup, parse="real", methods=methods)
    gallery = open_gallery(images, truth, encoder, setup=known, folds=folds)
    _remember(gallery, [query for one in asked for query in one.queries])
    usable, _ = usable_ways(gallery, methods, trial)
    ways = [
        Way(name, "raw", model)
        for model, name in product(gallery.models, names)
        if Way(_method(name), "raw", model) in usable
    ]
    streams, refused = sessions([name for name in names if name in STREAMS], encoder, images, setup.seed)
    tick = _counter(progress, len(asked) * (len(SEVERITIES) + 1) * (1 + len(streams)))
    found = {way: _nothing(asked) for way in ways}
    _measure(gallery, asked, found, tick)
    for name, fresh in streams.items():
        found[Way(name, "raw")] = _follow(gallery, asked, name, fresh, tick)
    meant = [[understood(query, one.question.asked) for query in one.queries] for one in asked]
    measured = Measured(
        kinds=np.array([one.question.kind for one in asked]),
        corruptions=np.array([one.corruption for one in asked]),
        understood=np.array(meant),
        precision=found,
    )
    return summarise(about(gallery, known, folds), measured, refused, rng)


def _method(name: str) -> str:
    """The method behind a name: the unrepaired default is the default."""
    return DEFAULT_METHOD if name == UNREPAIRED else name


def _counter(progress: Progress | None, total: int) -> Tick:
    done = count(1)

    def tick() -> None:
        if progress is not None:
            progress(next(done), total)

    return tick


def _nothing(asked: Sequence[Spoilt]) -> NDArray[float64]:
    """Precision@10 on gallery and pools, clean and at each severity, before anything is known of it."""
    return np.full((2, len(asked), len(SEVERITIES) + 1), np.nan)


def _remember(gallery: Gallery, queries: Sequence[Query]) -> None:
    """Encode sentences and phrases, read and typed, many at a time: typos are hardly ever met twice."""
    remember(gallery, queries)
    negated = [query for query in queries if query.negated]
    mentions = [
        mention.text for query in negated for each in (query, unrepaired(query)) for mention in each.mentions
    ]
    for model in gallery.models.values():
        model.tower.remember([model.tower.card.template.format(text) for text in dict.fromkeys(mentions)])


def _measure(
    gallery: Gallery, asked: Sequence[Spoilt], found: dict[Way, NDArray[float64]], tick: Tick
) -> None:
    """Fill in the precision of every way, shape (2, q, 6) each."""
    for place, one in enumerate(asked):
        for severity, query in enumerate(one.queries):
            for way, values in found.items():
                values[:, place, severity] = _precision(gallery, one.question, query, way)
            tick()


def _follow(
    gallery: Gallery, asked: Sequence[Spoilt], name: str, fresh: Callable[[], Session], tick: Tick
) -> NDArray[float64]:
    """The precision of a stream, shape (2, q, 6): at every severity a new session is asked all questions."""
    values = _nothing(asked)
    for severity in range(len(SEVERITIES) + 1):
        queries = [one.queries[severity] for one in asked]
        for place, adapted, way in follow(gallery, fresh(), name, queries):
            values[:, place, severity] = _precision(adapted, asked[place].question, queries[place], way)
            tick()
    return values


def _precision(gallery: Gallery, question: Question, query: Query, way: Way) -> tuple[float, float]:
    """Precision@10 on the gallery and, as a mean, on the pools; NaN where there is none."""
    try:
        if way.method == UNREPAIRED:
            scores = gallery.score(unrepaired(query), way._replace(method=DEFAULT_METHOD))
        else:
            scores = gallery.score(query, way)
    except CalibrationMissing:
        return np.nan, np.nan
    whole = _top(question, scores, question.rows[None])
    return whole, _top(question, scores, question.pools) if len(question.pools) else np.nan


def _top(question: Question, scores: NDArray[float64], pools: NDArray[np.int64]) -> float:
    """Mean precision over some pools, shape (pools, size)."""
    best = np.take_along_axis(pools, metrics.top(scores[pools], K), axis=1)
    return float(metrics.precision(question.relevant[best], K).mean())
