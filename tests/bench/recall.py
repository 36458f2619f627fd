"""Recall of approximate indexes against the exact scan, by how many candidates they keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np

from medneg.archive import Archive, Where
from medneg.archive.bounds import best_shares
from medneg.archive.indexes import Index, Indexes, faiss_index
from medneg.archive.indexes.pgvector import PgvectorIndex
from medneg.archive.matrix import ScanMatrix
from medneg.scoring import compile_plan
from medneg.scoring.plan import bound
from medneg.values import Linear, Mention, Plan, Query
from tests.bench.turns import timed

CUTS = (10, 50)
BREADTHS = (64, 100, 200, 400, 800, 1000)
QUERIES = 50
FINDINGS = (
    *("pleural effusion", "consolidation", "atelectasis", "pulmonary edema", "cardiomegaly"),
    *("pneumothorax", "lung nodule", "pleural thickening"),
)
_BLOCK = 20_000
Say = Callable[[str], None]


def measure_recall(archive: Archive, encoder: Any, name: str, say: Say) -> dict[str, Any]:
    """Recall@k and milliseconds by breadth, for plain cosine and for a repulsion, over the same queries."""
    fingerprint = encoder.card.image_fingerprint
    indexes, found = archive.indexes(fingerprint), {}
    exact = indexes.open("scan")
    for method in ("cosine", "drc"):
        asked = some_plans(encoder, method)
        truths = [exact.search(plan, max(CUTS), where=Where()).ranking.ids for plan in asked]
        for breadth in BREADTHS if name in ("pgvector", "faiss") else (0,):
            with _opened(indexes, name, breadth) as index:
                row = _row(index, asked, truths)
            found[f"{method} {breadth}"] = row
            told = "  ".join(f"{key} {value:.3f}" for key, value in row.items())
            say(f"recall {method:7} breadth {breadth:5} {told}")
    return found


def some_plans(encoder: Any, method: str) -> list[Plan]:
    """Plans of "A but no B" for pairs of findings; with "cosine", of A alone for all pairs of its words."""
    made = []
    for wanted, unwanted in list(permutations(FINDINGS, 2))[:QUERIES]:
        affirmed = (Mention(text=wanted, polarity="affirmed"),)
        negated = (Mention(text=unwanted, polarity="negated", strength="strong"),)
        if method == "cosine":
            affirmed += (Mention(text=unwanted, polarity="affirmed"),)
            query = Query(raw=f"{wanted} and {unwanted}", affirmed=affirmed)
        else:
            query = Query(
                raw=f"{wanted} but no {unwanted}",
                affirmed=affirmed,
                negated=negated,
                counterfactuals=(f"{wanted} and {unwanted}",),
            )
        made.append(compile_plan(query, method, tower=encoder, calibration=None, space="raw"))
    return made


def _row(index: Index, asked: list[Plan], truths: list[np.ndarray]) -> dict[str, float]:
    row, seconds = {}, []
    for cut in CUTS:
        shares = []
        for plan, truth in zip(asked, truths, strict=True):
            results = []
            seconds.append(timed(lambda: results.append(index.search(plan, cut, where=Where())))[0])  # noqa: B023
            shares.append(len(set(results[0].ranking.ids) & set(truth[:cut])) / min(cut, len(truth)))
        row[f"recall@{cut}"] = float(np.mean(shares))
        row[f"worst@{cut}"] = float(np.min(shares))
        row[f"median_ms@{cut}"] = 1000 * float(np.median(seconds[-len(asked) :]))
        row[f"p95_ms@{cut}"] = 1000 * float(np.quantile(seconds[-len(asked) :], 0.95))
    return row


@contextmanager
def _opened(indexes: Indexes, name: str, breadth: int) -> Iterator[Index]:
    """An index that keeps so many candidates."""
    if name == "pgvector":
        yield PgvectorIndex(indexes._source, ef=breadth)
        return
    before, faiss_index.BREADTH = faiss_index.BREADTH, breadth or faiss_index.BREADTH
    try:
        yield indexes.open(name)
    finally:
        faiss_index.BREADTH = before


def measure_candidates(archive: Archive, encoder: Any, say: Say) -> dict[str, Any]:
    """Of what an exact search with one vector names as candidates, how much of the plan's best is among them.

    One vector is the plan's linear part (``a``), the other the one that bounds the plan.
    """
    fingerprint = encoder.card.image_fingerprint
    matrix, exact = archive.matrix(fingerprint), archive.indexes(fingerprint).open("scan")
    asked, found = some_plans(encoder, "drc"), {}
    truths = [exact.search(plan, max(CUTS), where=Where()).ranking.ids for plan in asked]
    for name in ("a", "bound"):
        ranks = _nearest(matrix, np.stack([_vector(plan, matrix, name) for plan in asked]))
        for count in BREADTHS:
            row = {}
            for cut in CUTS:
                pairs = zip(ranks, truths, strict=True)
                kept = [len(set(rank[:count]) & set(truth[:cut])) / cut for rank, truth in pairs]
                row[f"recall@{cut}"] = float(np.mean(kept))
            found[f"{name} {count}"] = row
            told = "  ".join(f"{key} {value:.3f}" for key, value in row.items())
            say(f"exact candidates by {name:5} {count:5}  {told}")
    return found


def _nearest(matrix: ScanMatrix, vectors: np.ndarray) -> np.ndarray:
    """Ids of the images with the largest products with each vector, best first, shape (vectors, m)."""
    products = np.empty((len(vectors), len(matrix)), np.float32)
    for start in range(0, len(matrix), _BLOCK):
        place = slice(start, start + _BLOCK)
        products[:, place] = vectors @ matrix.vectors[place].astype(np.float32).T
    count = min(max(BREADTHS), len(matrix) - 1)
    best = np.argpartition(-products, count, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1)
    return matrix.ids[np.take_along_axis(best, order, axis=1)]


def _vector(plan: Plan, matrix: ScanMatrix, name: str) -> np.ndarray:
    if name == "bound":
        return bound(plan, best_shares(plan, matrix, k=max(CUTS)).tolist())[0].astype(np.float32)
    linear = tuple(term for term in plan.terms if isinstance(term.response, Linear))
    return bound(replace(plan, terms=linear), [0.0] * len(linear))[0].astype(np.float32)
