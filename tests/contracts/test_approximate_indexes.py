"""Approximate indexes where they do approximate: too many images to look at one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import product

import numpy as np
import pytest

from medneg.archive import Where
from medneg.archive.indexes import candidates
from medneg.archive.indexes.pgvector import hnsw
from medneg.values import Plan
from tests.archive.new_images import SPACE, new_image, unit_vector
from tests.archive.new_plans import CARD, MEAN, RESPONSES, plan_of
from tests.contracts.conftest import opener
from tests.contracts.indexed import (
    EVERYTHING,
    EXACT,
    Indexed,
    built_index,
    combinations,
    compare,
    qdrant_in_memory,
    truth_of,
)

COUNT = 2000
FILTERS = {"everything": EVERYTHING, "a third": Where(views=("PA",))}


@pytest.fixture(scope="module", params=combinations(but=EXACT))
def crowd(request, tmp_path_factory) -> Iterator[Indexed]:
    """2,000 images that lie anywhere, with an approximate index."""
    kind, engine = request.param
    folder = tmp_path_factory.mktemp("crowd")
    with qdrant_in_memory(), opener(request, folder, engine) as opening, opening() as archive:
        archive.register(CARD)
        images = [new_image(number, view="AP" if number % 3 else "PA") for number in range(COUNT)]
        archive.store(SPACE, images=images)
        index, truth = built_index(archive, kind, SPACE), cache(partial(truth_of, archive))
        yield Indexed(kind=kind, archive=archive, open=lambda fingerprint: index, truth=truth)


@pytest.fixture
def at_once(monkeypatch):
    """So few images would be looked at one by one, filtered or not; here they are not."""
    monkeypatch.setattr(candidates, "MOST_EXACT", 0)
    monkeypatch.setattr(hnsw, "NARROW", 0)


def plans() -> Iterator[Plan]:
    """Four of each kind of response in both spaces, each towards and away from something else."""
    for turn, responses, mean in product(range(4), RESPONSES.values(), (None, MEAN)):
        plan = plan_of(*responses, mean=mean)
        terms = [
            replace(term, direction=unit_vector(7000 + 10 * turn + number))
            for number, term in enumerate(plan.terms)
        ]
        yield replace(plan, terms=tuple(terms))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("where", FILTERS.values(), ids=FILTERS)
def test_nineteen_of_twenty_of_the_best_ten_are_found(crowd, where):
    index = crowd.open(SPACE)
    recalls = [compare(crowd, index, plan, 10, where) for plan in plans()]
    assert len(recalls) == 24
    assert np.mean(recalls) >= 0.95


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("where", FILTERS.values(), ids=FILTERS)
def test_what_is_not_proved_is_not_called_exact(crowd, where):
    plan = next(plans())
    assert not crowd.open(SPACE).search(plan, 10, where=where).ranking.exact


@pytest.mark.parametrize("k", [1, 40, 300])
def test_as_many_images_as_are_asked_for_are_found(crowd, k):
    assert compare(crowd, crowd.open(SPACE), next(plans()), k) >= 0.9
