"""An archive on PostgreSQL whose halves are searched, plans of every kind, and the definition of a search."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from medneg.archive import Archive, Where
from medneg.archive.engines import connect, session
from medneg.archive.places import locate
from medneg.scoring import plan as arithmetic
from medneg.values import Linear, LogProbability, Plan, Repulsion, Space, Term
from tests.archive.new_images import SPACE, WIDTH, new_image
from tests.archive.new_plans import CARD

COUNT = 400
EVERYTHING = Where()
SHARED = pytest.mark.parametrize("shared_location", ["postgresql"], indirect=True)
OWN = pytest.mark.parametrize("location", ["postgresql"], indirect=True)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def gallery(seed=0, count=COUNT):
    """Unit rows in a cone."""
    draw = np.random.default_rng(seed)
    return unit(draw.standard_normal((count, WIDTH)) + 2 * draw.standard_normal(WIDTH))


def filled(location, rows=None):
    """An archive of images 1, 2, …, with a second space beside the first."""
    rows = gallery() if rows is None else rows
    with Archive.open(location, create=True) as archive:
        archive.register(CARD)
        archive.register(replace(CARD, image_fingerprint="other"))
        images = [
            replace(new_image(n, view=("PA", "AP")[n % 2], age=float(n % 100)), vector=row)
            for n, row in enumerate(rows)
        ]
        archive.store(SPACE, images=images)
        archive.store("other", images=images[:9])


def source(archive):
    return archive.indexes(SPACE)._source


def plans(seed=1, mean=None):
    """Every kind of response, alone and together, with directions of many lengths."""
    draw = np.random.default_rng(seed)

    def term(response, length=1.0):
        direction = (length * unit(draw.standard_normal(WIDTH))).astype(np.float32)
        return Term(direction=direction, response=response, label="")

    made = {
        "linear": [term(Linear(weight=1.0))],
        "falling": [term(Linear(weight=-2.5), 7.0)],
        "folded": [term(Linear(weight=1.0)), term(Linear(weight=-0.5), 3.0)],
        "repulsion": [term(Linear(weight=1.0)), term(Repulsion(weight=2.0, bias=0.1), 1.5)],
        "many": [term(Linear(weight=1.0)), *(term(Repulsion(weight=1.0, bias=0.05 * j)) for j in range(5))],
        "log-odds": [term(LogProbability(slope=40.0, intercept=-3.0)), term(LogProbability(slope=-25.0))],
        "steep": [term(LogProbability(slope=5000.0)), term(Linear(weight=0.0), 1e-5)],
    }
    space = Space(image_fingerprint=SPACE, mean=mean)
    return {name: Plan(terms=tuple(terms), space=space) for name, terms in made.items()}


PLANS = [
    pytest.param(space, name, id=f"{name}-{space}")
    for space in ("raw", "centred")
    for name in plans(mean=None)
]


def plan_of(space, name, rows=None):
    rows = gallery() if rows is None else rows
    mean = rows.mean(axis=0, dtype=np.float32) if space == "centred" else None
    return plans(mean=mean)[name]


def brute_force(plan, rows, k, allowed=None):
    """The definition: every image scored, the best first, equal scores in the order of ids."""
    ids = np.arange(1, len(rows) + 1) if allowed is None else np.asarray(allowed)
    scores = arithmetic.score(plan, rows[ids - 1])
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]


def same(found, wanted):
    np.testing.assert_array_equal(found.ranking.ids, wanted[0])
    np.testing.assert_array_equal(found.ranking.scores, wanted[1])
    assert found.ranking.exact


def run(location, statement):
    place = locate(location)
    engine = connect(place)
    with session(engine, place) as connection:
        connection.execute(text(statement))
    engine.dispose()
