"""Corrupted questions as a stream: text towers that adapt to the queries that they are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.errors import EncoderError
from medneg.evaluation.gallery import BASE, Gallery, Way
from medneg.evaluation.questions import RememberingTower
from medneg.query import refine
from medneg.scoring.sentences import as_typed
from medneg.search import PLAIN
from medneg.values import Query

if TYPE_CHECKING:
    from medneg.adaptation import How, Session
    from medneg.encoders import Encoder
    from medneg.scoring import TextTower


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A way to adapt, and how the adapted tower is asked.

    Attributes:
        how: the way, as a session has it.
        method: a name in ``medneg.scoring.METHODS``: TCR and NEAT rank by the whole sentence.
    """

    how: How
    method: str


STREAMS = {
    "reex-session": Stream(how="reex", method="reex"),
    "tcr": Stream(how="tcr", method=PLAIN[0]),
    "neat": Stream(how="neat", method=PLAIN[0]),
}
"""What can be asked as a stream, by the name of its rows. The base alone is adapted."""


def sessions(
    names: Sequence[str], tower: TextTower, images: NDArray[float32], seed: int
) -> tuple[dict[str, Callable[[], Session]], tuple[tuple[str, str], ...]]:
    """What makes fresh sessions of an encoder, and the names that its tower cannot be adapted by, with why.

    Args:
        names: of ``STREAMS``.
        tower: is not changed.
        images: unit embeddings, shape (n, d).
        seed: of the sessions.
    """
    from medneg.adaptation import Session

    able: dict[str, Callable[[], Session]] = {}
    refused = []
    for name in names:
        fresh = partial(Session, cast("Encoder", tower), images, how=STREAMS[name].how, seed=seed)
        try:
            fresh()
        except EncoderError as missing:
            refused.append((name, str(missing)))
        else:
            able[name] = fresh
    return able, tuple(refused)


def follow(
    gallery: Gallery, session: Session, name: str, queries: Sequence[Query]
) -> Iterator[tuple[int, Gallery, Way]]:
    """Ask a session all queries in one random order, a batch at a time.

    Yields:
        The number of each query, with the gallery and the way to score it once its batch has been learned.
    """
    stream, own = STREAMS[name], gallery.models[BASE]
    order = np.random.default_rng(0).permutation(len(queries)).tolist()
    for first in range(0, len(order), session.recipe.batch):
        batch = order[first : first + session.recipe.batch]
        asked = [queries[number] for number in batch]
        if stream.how == "reex":
            asked = [refine(query) for query in asked]
        tower = RememberingTower(session.learn(asked))
        tower.remember(list(dict.fromkeys(_texts(asked, tower.card.template))))
        model = replace(own, tower=tower)
        adapted = replace(gallery, models={BASE: model})
        for number in batch:
            yield number, adapted, Way(stream.method, "raw")


def _texts(queries: Sequence[Query], template: str) -> Iterator[str]:
    """What an adapted tower will be asked to encode, most of it: no state of it is asked twice."""
    for query in queries:
        yield query.sentence
        if not query.negated:
            yield query.mended
        elif query.repairs:
            texts = ((mention.text, as_typed(mention, query)[0]) for mention in query.mentions)
            yield from (template.format(text) for pair in texts for text in pair)
