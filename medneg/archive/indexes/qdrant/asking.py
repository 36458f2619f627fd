"""A probe as Qdrant's questions: nearest rows, rescored on the server by the plan's own formula.

The formulas of all Qdrants that have them know |z|, and max(z, 0) = (z + |z|)/2. A candidate's score is

    s(x) = x·u + Σₖ [λₖwₖ zₖ − wₖ (zₖ − bₖ + |zₖ − bₖ|)/2],    zₖ = x·nₖ

with u the bounding vector that found it (docs/explanation/one-plan.md, eq. 3). ``$score[0]`` is x·u, and
``$score[k]`` is zₖ, which is known of a candidate only if its prefetch looks at all of them and at no other:
so each of these prefetches has the candidates as its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from medneg.archive.indexes.candidates import Near, Nearest
from medneg.archive.indexes.probing import Probe
from medneg.values import Linear, Repulsion

if TYPE_CHECKING:
    from qdrant_client.models import QueryRequest

    from medneg.archive.indexes.qdrant.collection import Collection

LOOKED_AT = 4
"""Candidates that the server rescores for each one that travels."""


def nearest_in(collection: Collection) -> Nearest:
    """A collection's nearest rows, for ``medneg.archive.indexes.candidates``."""

    def nearest(probe: Probe, m: int) -> Near:
        rescored = has_formula(probe)
        found, *rest = collection.ask(rescoring(probe, m) if rescored else [_nearest_request(probe, m)])
        ids = np.array([point.id for point in found], np.int64)
        scores = np.array([point.score for point in found])
        if not rescored:
            return Near.of(ids, scores, probe=probe, asked=m)
        beyond = probe.ceiling(rest[0][0].score) if rest[0] else -math.inf
        unseen = float(scores.min()) if 0 < m <= len(ids) else -math.inf
        return Near(ids=ids, ceiling=max(beyond, unseen))

    return nearest


def has_formula(probe: Probe) -> bool:
    """Whether the server can tell more of a row than its product: repulsions in the raw space."""
    responses = [term.response for term in probe.plan.terms]
    bent = any(isinstance(response, Repulsion) and response.weight for response in responses)
    straight = all(isinstance(response, Linear | Repulsion) for response in responses)
    return bent and straight and probe.plan.space.mean is None


def rescoring(probe: Probe, m: int) -> list[QueryRequest]:
    """Two questions: the best m of the nearest ``LOOKED_AT * m`` rows, and how near the last of these is."""
    from qdrant_client import models

    looked_at = LOOKED_AT * m
    candidates = models.Prefetch(query=probe.vector.tolist(), limit=looked_at)
    penalties = [
        models.Prefetch(prefetch=[candidates], query=term.direction.tolist(), limit=looked_at)
        for term in probe.plan.terms
        if isinstance(term.response, Repulsion)
    ]
    formula = models.FormulaQuery(formula=models.SumExpression(sum=_summands(probe)))
    return [
        models.QueryRequest(prefetch=[candidates, *penalties], query=formula, limit=m),
        models.QueryRequest(query=probe.vector.tolist(), limit=1, offset=looked_at - 1),
    ]


def _summands(probe: Probe) -> list[Any]:
    from qdrant_client import models

    summands: list[Any] = ["$score[0]"]
    for term, share in zip(probe.plan.terms, probe.shares.tolist(), strict=True):
        if isinstance(term.response, Repulsion):
            weight, z = term.response.weight, f"$score[{(len(summands) + 1) // 2}]"
            beyond = models.SumExpression(sum=[z, -term.response.bias])
            twice = models.SumExpression(sum=[beyond, models.AbsExpression(abs=beyond)])
            summands.append(models.MultExpression(mult=[share * weight, z]))
            summands.append(models.MultExpression(mult=[-weight / 2, twice]))
    return summands


def _nearest_request(probe: Probe, m: int) -> QueryRequest:
    from qdrant_client import models

    return models.QueryRequest(query=probe.vector.tolist(), limit=m)
