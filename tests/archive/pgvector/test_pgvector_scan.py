from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select, text

from medneg.archive import Archive, Where
from medneg.archive.indexes.pgvector import PgvectorIndex, PgvectorScan, asking, scan
from medneg.archive.indexes.pgvector.formulas import Direction, Formula
from medneg.archive.schema import Half
from medneg.errors import ArchiveError
from medneg.scoring import plan as arithmetic
from medneg.values import Linear, Space, Term
from tests.archive.new_images import SPACE, WIDTH
from tests.archive.pgvector.halved import (
    COUNT,
    EVERYTHING,
    OWN,
    PLANS,
    SHARED,
    brute_force,
    filled,
    gallery,
    plan_of,
    plans,
    run,
    same,
    source,
    unit,
)


def bounds(archive, formula, prefix="p"):
    """By image id what the server says of every half."""
    with asking.asking(source(archive)) as connection:
        inner = select(Half.image_id, *formula.products(Half.vector, prefix))
        inner = inner.where(Half.image_fingerprint == SPACE).offset(scan.FENCE).subquery()
        statement = scan._highest(inner, formula, prefix=prefix, product=f"{prefix}0", count=10**6)
        rows = connection.execute(statement).all()
    return {row.image_id: row.bound for row in rows}


@SHARED
@pytest.mark.parametrize(("space", "name"), PLANS)
def test_no_image_scores_more_than_its_bound_nor_much_less(shared, space, name):
    plan = plan_of(space, name)
    scores = arithmetic.score(plan, gallery())
    whole = Formula.of_bound(plan, [0.5] * len(plan.terms))
    for formula in (Formula.of_plan(plan), whole):
        found = bounds(shared, formula)
        above = np.array([found[image] for image in range(1, COUNT + 1)]) - scores
        assert (above >= 0).all()
    steepness = sum(
        abs(arithmetic.line_above(term.response, 1.0)[0]) * np.linalg.norm(term.direction)
        for term in plan.terms
    )
    close = bounds(shared, Formula.of_plan(plan))
    gap = max(close[image + 1] - score for image, score in enumerate(scores))
    assert gap < 0.01 * steepness or name == "steep"  # which is so steep that its bound ends at log 1e-304


@SHARED
@pytest.mark.parametrize(("space", "name"), PLANS)
def test_the_scan_finds_what_the_definition_says(shared, space, name):
    plan = plan_of(space, name)
    for k in (1, 50):
        found = PgvectorScan(source(shared)).search(plan, k, where=EVERYTHING)
        same(found, brute_force(plan, gallery(), k))
        assert found.considered == COUNT
        assert found.how == "scan of float16 rows in PostgreSQL"


@SHARED
def test_a_small_first_list_grows_until_the_best_are_proved(shared, monkeypatch):
    monkeypatch.setattr(scan, "FIRST_CANDIDATES", 1)
    for space, name in (("raw", "many"), ("centred", "many"), ("centred", "log-odds")):
        plan = plan_of(space, name)
        same(PgvectorScan(source(shared)).search(plan, 3, where=EVERYTHING), brute_force(plan, gallery(), 3))


@SHARED
@pytest.mark.parametrize("space", ["raw", "centred"])
def test_log_probabilities_take_one_scan_after_a_look_at_a_portion(shared, monkeypatch, space):
    monkeypatch.setattr(scan, "PORTION", COUNT * 3 // 4)
    asked, real = [], scan._highest_in_reach

    def seen(allowed, *given, reach, count):
        asked.append((allowed.halves is Half, reach))
        return real(allowed, *given, reach=reach, count=count)

    monkeypatch.setattr(scan, "_highest_in_reach", seen)
    plan = plan_of(space, "log-odds")
    same(PgvectorScan(source(shared)).search(plan, 3, where=EVERYTHING), brute_force(plan, gallery(), 3))
    assert [whole for whole, _ in asked] == [False, True]
    assert asked[0][1] == -np.inf < asked[1][1] <= brute_force(plan, gallery(), 3)[1][-1]


@SHARED
def test_a_portion_is_some_of_the_images_and_the_same_ones_each_time(shared):
    with asking.asking(source(shared)) as connection:
        allowed = asking.Allowed.of(connection, SPACE, where=EVERYTHING, among=None)

        def drawn():
            some = allowed.portion(COUNT // 2)
            return set(connection.execute(some.select(some.halves.image_id)).scalars())

        assert drawn() == drawn() <= set(range(1, COUNT + 1))
        assert 0 < len(drawn()) < COUNT


def test_linear_terms_are_one_product():
    made = {name: len(Formula.of_plan(plan).directions) for name, plan in plans().items()}
    terms = {"linear": 1, "falling": 1, "folded": 1, "repulsion": 2, "many": 6, "log-odds": 2, "steep": 2}
    assert made == terms


@SHARED
def test_filters_and_lists_of_images_narrow_both_ways_of_searching(shared):
    plan = plan_of("centred", "repulsion")
    ids = np.arange(1, COUNT + 1)
    women, among = Where(views=("PA",), age_min=50), np.arange(3, COUNT, 7)
    passed = ids[((ids - 1) % 2 == 0) & ((ids - 1) % 100 >= 50)]
    for index in (PgvectorScan(source(shared)), PgvectorIndex(source(shared))):
        found = index.search(plan, 20, where=women)
        same(found, brute_force(plan, gallery(), 20, passed))
        assert found.considered == len(passed)
        same(index.search(plan, 20, where=EVERYTHING, among=among), brute_force(plan, gallery(), 20, among))
        both = np.intersect1d(passed, among)
        same(index.search(plan, 20, where=women, among=among), brute_force(plan, gallery(), 20, both))
        nobody = index.search(plan, 5, where=Where(views=("LATERAL",)))
        assert len(nobody.ranking.ids) == nobody.considered == 0
        assert nobody.ranking.exact
        assert len(index.search(plan, 5, where=EVERYTHING, among=ids[:0]).ranking.ids) == 0


@SHARED
def test_a_space_that_lacks_images_is_counted_by_itself(shared):
    index = PgvectorScan(shared.indexes("other")._source)
    plan = replace(plan_of("raw", "repulsion"), space=Space(image_fingerprint="other"))
    found = index.search(plan, 20, where=Where(views=("PA",)))
    same(found, brute_force(plan, gallery()[:9], 20, np.arange(1, 10, 2)))
    assert found.considered == 5


@SHARED
def test_more_images_than_there_are_come_in_full(shared):
    plan = plan_of("raw", "repulsion")
    for index in (PgvectorScan(source(shared)), PgvectorIndex(source(shared))):
        same(index.search(plan, COUNT + 5, where=EVERYTHING), brute_force(plan, gallery(), COUNT + 5))


@SHARED
def test_what_does_not_fit_is_refused(shared):
    plan = plan_of("raw", "linear")
    wide = Term(direction=np.ones(3, np.float32), response=Linear(weight=1.0), label="")
    vast = replace(plan.terms[0], response=Linear(weight=np.inf))
    for index in (PgvectorScan(source(shared)), PgvectorIndex(source(shared))):
        with pytest.raises(ValueError, match="k must be at least 1; got 0"):
            index.search(plan, 0, where=EVERYTHING)
        with pytest.raises(ValueError, match="the plan has width 3, the space 16"):
            index.search(replace(plan, terms=(wide,)), 1, where=EVERYTHING)
        with pytest.raises(ValueError, match="must be finite"):
            index.search(replace(plan, terms=(vast,)), 1, where=EVERYTHING)
    with pytest.raises(ValueError, match=r"ef must be in \[1, 1000\]; got 1001"):
        PgvectorIndex(source(shared), ef=1001)


@OWN
def test_images_that_halves_cannot_tell_apart_are_ranked_by_the_truth(archive, location):
    draw = np.random.default_rng(2)
    rows = gallery(3, 400)
    rows[100:] = unit(rows[7] + 1e-5 * draw.standard_normal((300, WIDTH)))
    rows[300:] = rows[299]
    filled(location, rows)
    for space in ("raw", "centred"):
        for name in ("repulsion", "many", "log-odds"):
            plan = plan_of(space, name, rows)
            pulled = replace(plan, terms=(replace(plan.terms[0], direction=rows[7].copy()), *plan.terms[1:]))
            found = PgvectorScan(source(archive)).search(pulled, 10, where=EVERYTHING)
            same(found, brute_force(pulled, rows, 10))


@OWN
def test_an_image_at_the_very_mean_is_ranked_by_the_truth(archive, location):
    rows = gallery(4, 60)
    filled(location, rows)
    for name in ("linear", "many", "log-odds"):
        plan = replace(plans()[name], space=Space(image_fingerprint=SPACE, mean=rows[11].copy()))
        found = PgvectorScan(source(archive)).search(plan, 5, where=EVERYTHING)
        same(found, brute_force(plan, rows, 5))


@OWN
def test_a_half_of_another_vector_ends_the_proof(archive, location):
    filled(location, gallery(5, 60))
    plan = plan_of("raw", "linear")
    best = PgvectorScan(source(archive)).search(plan, 1, where=EVERYTHING).ranking
    assert best.exact
    changed, other = best.ids[0], best.ids[0] % 60 + 1
    own = f"image_fingerprint = '{SPACE}' AND image_id"
    taken = f"(SELECT vector FROM halves WHERE {own} = {other})"
    run(location, f"UPDATE halves SET vector = {taken} WHERE {own} = {changed}")
    assert not PgvectorScan(source(archive)).search(plan, 60, where=EVERYTHING).ranking.exact


@SHARED
def test_a_search_cannot_write(shared):
    with (
        pytest.raises(Exception, match="read-only transaction"),
        asking.asking(source(shared)) as connection,
    ):
        connection.execute(text("DELETE FROM halves"))


@pytest.mark.parametrize("name", ["pgvector", "pgvector-exact"])
def test_an_archive_in_a_folder_has_no_index_of_postgresql(tmp_path, name):
    with Archive.open(tmp_path / "a", create=True) as archive:
        indexes = archive.indexes(SPACE)
        state = {each.name: each for each in indexes.states()}[name]
        assert not state.ready
        assert "it is an index of PostgreSQL, and this archive is on sqlite" in state.note
        with pytest.raises(ArchiveError, match=f"{name} cannot be used: it is an index of PostgreSQL"):
            indexes.open(name)


def test_a_direction_of_any_length_is_sent_as_one_of_unit_length():
    rows = gallery()
    for length in (1e-6, 1.0, 1e6):
        vector = length * rows[0].astype(np.float64)
        direction = Direction.of(vector)
        assert direction.length == pytest.approx(length, rel=1e-6)
        products = rows.astype(np.float16).astype(np.float64) @ direction.half.astype(np.float64)
        truth = rows.astype(np.float64) @ vector
        assert (np.abs(truth - direction.length * products) <= direction.length * direction.error).all()
        assert direction.agrees(rows, products).all()
        assert not direction.agrees(rows, products + 0.01).any()
    assert Direction.of(np.zeros(4)).length == 0
