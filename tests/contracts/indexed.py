"""An archive with an index of any kind, and what every index promises of one search."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray

from medneg.archive import Archive, Where
from medneg.archive.indexes import KINDS, Index
from medneg.archive.ranking import Ranking
from medneg.scoring import METHODS
from medneg.values import Plan
from tests.conftest import ENGINES
from tests.contracts.memory_indexes import ranked

Ids = NDArray[np.int64]

EVERYTHING = Where()
EXACT = {"scan", "pgvector-exact"}
ONLY_ON = {"pgvector": "postgresql", "pgvector-exact": "postgresql"}
LIBRARIES = {"faiss": "faiss", "qdrant": "qdrant_client"}
OF_THE_DATABASE = {"scan", *ONLY_ON}
"""The others have their own storage, and on which engine the archive is makes little difference to them."""


def combinations(*, but: Collection[str] = ()) -> Iterator[object]:
    """Every kind of index with the engines on which it runs."""
    for kind in (kind for kind in KINDS if kind not in but):
        for engine in ENGINES:
            if ONLY_ON.get(kind, engine) == engine:
                rare = kind not in OF_THE_DATABASE and engine != "sqlite"
                yield pytest.param((kind, engine), id=f"{kind}-{engine}", marks=[pytest.mark.slow] * rare)


def methods_and_spaces() -> list[object]:
    """Every method in every space that it has; one of both in a quick run, the other in a slow one."""
    found = []
    for number, (name, method) in enumerate(METHODS.items()):
        slow = [] if method.needs_head else [pytest.mark.slow]
        found.append(pytest.param(name, "raw", marks=slow * (number % 2)))
        if not method.needs_head:
            found.append(pytest.param(name, "centred", marks=slow * (1 - number % 2)))
    return found


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """An archive, how to open one kind of index of any of its spaces, and what the space holds."""

    kind: str
    archive: Archive
    open: Callable[[str], Index]
    truth: Callable[[str], tuple[Ids, NDArray[np.float32]]]


@contextmanager
def qdrant_in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MEDNEG_QDRANT_URL", ":memory:")
        yield


def built_index(archive: Archive, kind: str, fingerprint: str) -> Index:
    if kind in LIBRARIES and find_spec(LIBRARIES[kind]) is None:
        pytest.skip(f"{LIBRARIES[kind]} is not installed")
    if KINDS[kind].build is not None:
        archive.indexes(fingerprint).build(kind)
    return archive.indexes(fingerprint).open(kind)


def truth_of(archive: Archive, fingerprint: str) -> tuple[Ids, NDArray[np.float32]]:
    ids = archive.matrix(fingerprint).ids
    return ids, archive.vectors(fingerprint, ids.tolist())


def brute_force(made: Indexed, plan: Plan, k: int, where: Where, among: Ids | None) -> Ranking:
    ids, vectors = made.truth(plan.space.image_fingerprint)
    allowed = made.archive.mask(where, ids)
    if among is not None:
        allowed &= np.isin(ids, among)
    return ranked(plan, ids[allowed], vectors[allowed], k)


def compare(
    made: Indexed, index: Index, plan: Plan, k: int, where: Where = EVERYTHING, among: Ids | None = None
) -> float:
    """Check all that every index promises of one search, and give its recall at 10."""
    found = index.search(plan, k, where=where, among=among)
    every = brute_force(made, plan, 10**6, where, among)
    ranking, allowed = found.ranking, len(every.ids)
    assert found.considered == allowed
    assert len(ranking.ids) == min(k, allowed)
    row_of = {image: row for row, image in enumerate(every.ids.tolist())}
    rows = [row_of[image] for image in ranking.ids.tolist()]  # nobody but those allowed
    assert rows == sorted(set(rows))  # in the order of brute force, each once
    np.testing.assert_array_equal(ranking.scores, every.scores[rows])
    np.testing.assert_array_equal(ranking.contributions, every.contributions[rows])
    if made.kind in EXACT:
        assert ranking.exact
    if ranking.exact:
        assert rows == list(range(min(k, allowed)))
    wanted = min(k, 10, allowed)
    return sum(row < wanted for row in rows) / wanted if wanted else 1.0
