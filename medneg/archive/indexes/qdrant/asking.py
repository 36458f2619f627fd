"""A probe as Qdrant's questions: nearest rows, and more of them rescored on the server by the plan's formula.

The formulas of all Qdrants that have them know |z|, and max(z, 0) = (z + |z|)/2. A candidate's score is

    s(x) = x·u + Σₖ [λₖwₖ zₖ − wₖ (zₖ − bₖ + |zₖ − bₖ|)/2],    zₖ = x·nₖ

with u the bounding vector that found it (docs/explanation/one-plan.md, eq. 3). ``$score[0]`` is x·u, and
``$score[k]`` is zₖ, which is known of a candidate only if its prefetch looks at all of them and at no other:
so each of these prefetches has the candidates as its own, and the server searches once more for every term.
That costs it more than to send the candidates, and spares the archive the reading of rows
(docs/explanation/indexes.md); so the first question does without.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medneg.archive.indexes.candidates import MOST_ASKED, Near, Nearest
from medneg.archive.indexes.probing import Probe
from medneg.archive.indexes.qdrant.collection import SEARCHING, Collection
from medneg.values import Linear, Repulsion

if TYPE_CHECKING:
    from qdrant_client.models import QueryRequest, ScoredPoint

LOOKED_AT = 4
"""Candidates that the server rescores for each one that travels."""


def nearest_in(collection: Collection) -> Nearest:
    """A collection's nearest rows, for ``medneg.archive.indexes.candidates``."""
    from qdrant_client import models

    def nearest(probe: Probe, m: int) -> Near:
        graph = collection.params(hnsw_ef=SEARCHING)
        question = models.QueryRequest(query=probe.vector.tolist(), limit=m, params=graph)
        ids, products = _parted(collection.ask([question])[0])
        return Near.of(ids, products, probe=probe, asked=m)

    return nearest


def rescored_in(collection: Collection) -> Nearest:
    """The best of more rows, as the server sees it; the nearest where it cannot tell more."""
    nearest = nearest_in(collection)

    def best(probe: Probe, m: int) -> Near:
        if not has_formula(probe):
            return nearest(probe, m)
        found, last = collection.ask(rescoring(collection, probe, m))
        ids, scores = _parted(found)
        beyond = probe.ceiling(last[0].score) if last else -math.inf
        left = float(scores.min()) if 0 < m <= len(ids) else -math.inf
        return Near(ids=ids, ceiling=max(beyond, left))

    return best


def _parted(points: list[ScoredPoint]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return np.array([point.id for point in points], np.int64), np.array([point.score for point in points])


def has_formula(probe: Probe) -> bool:
    """Whether the server can tell more of a row than its product: repulsions in the raw space."""
    responses = [term.response for term in probe.plan.terms]
    bent = any(isinstance(response, Repulsion) and response.weight for response in responses)
    straight = all(isinstance(response, Linear | Repulsion) for response in responses)
    return bent and straight and probe.plan.space.mean is None


def rescoring(collection: Collection, probe: Probe, m: int) -> list[QueryRequest]:
    """Two questions: the best m of ``LOOKED_AT`` times as many nearest, and how near the last of these is."""
    from qdrant_client import models

    looked_at = min(LOOKED_AT * m, MOST_ASKED)
    # A stage on candidates is a filtered search, which may leave some out unless it is an exact one.
    graph, each = collection.params(hnsw_ef=SEARCHING), collection.params(exact=True)
    candidates = models.Prefetch(query=probe.vector.tolist(), limit=looked_at, params=graph)
    penalties = [
        models.Prefetch(prefetch=[candidates], query=term.direction.tolist(), limit=looked_at, params=each)
        for term in probe.plan.terms
        if isinstance(term.response, Repulsion)
    ]
    formula = models.FormulaQuery(formula=models.SumExpression(sum=_summands(probe)))
    return [
        models.QueryRequest(prefetch=[candidates, *penalties], query=formula, limit=m),
        models.QueryRequest(query=probe.vector.tolist(), limit=1, offset=looked_at - 1, params=graph),
    ]


def _summands(probe: Probe) -> list[Any]:
    from qdrant_client import models

    summands: list[Any] = ["$score[0]"]
    for term, share in zip(probe.plan.terms, probe.shares.tolist(), strict=True):
        if isinstance(term.response, Repulsion):
            weight, z = float(term.response.weight), f"$score[{(len(summands) + 1) // 2}]"
            beyond = models.SumExpression(sum=[z, -float(term.response.bias)])
            twice = models.SumExpression(sum=[beyond, models.AbsExpression(abs=beyond)])
            summands.append(models.MultExpression(mult=[share * weight, z]))
            summands.append(models.MultExpression(mult=[-weight / 2, twice]))
    return summands
