from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select, text

from medneg.archive import Archive, Where
from medneg.archive.engines import connect, session, transaction
from medneg.archive.indexes.pgvector import PgvectorIndex, PgvectorScan, asking, building, hnsw, scan
from medneg.archive.indexes.pgvector.formulas import Direction, Formula
from medneg.archive.places import locate
from medneg.archive.schema import Half
from medneg.errors import ArchiveError
from medneg.scoring import plan as arithmetic
from medneg.values import EncoderCard, InputSpec, Linear, LogProbability, Plan, Repulsion, Space, Term
from tests.archive.new_images import SPACE, WIDTH, new_image

CARD = EncoderCard(
    name="fake",
    width=WIDTH,
    input=InputSpec(size=32),
    image_fingerprint=SPACE,
    text_fingerprint="fake",
    licence="",
    notice="",
)
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


@pytest.fixture(scope="module")
def shared(shared_location):
    filled(shared_location)
    with Archive.open(shared_location) as archive:
        yield archive


@pytest.fixture
def archive(location):
    with Archive.open(location, create=True) as archive:
        yield archive


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


def bounds(archive, formula, prefix="p"):
    """By image id what the server says of every half."""
    with asking.asking(source(archive)) as connection:
        inner = select(Half.image_id, *formula.products(Half.vector, prefix))
        inner = inner.where(Half.image_fingerprint == SPACE).offset(asking.FENCE).subquery()
        statement = asking.highest(inner, formula, prefix=prefix, product=f"{prefix}0", count=10**6)
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


def run(location, statement):
    place = locate(location)
    engine = connect(place)
    with session(engine, place) as connection:
        connection.execute(text(statement))
    engine.dispose()


# The HNSW index


@pytest.fixture(scope="module")
def indexed(shared):
    told = []
    state = shared.indexes(SPACE).build("pgvector", lambda done, total: told.append((done, total)))
    assert state.ready
    assert told[-1] == (COUNT, COUNT)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    return shared


@SHARED
@pytest.mark.parametrize(
    ("space", "name"), [each for each in PLANS if "log-odds" not in each.id and "steep" not in each.id]
)
def test_the_index_finds_the_best_and_says_that_it_proves_nothing(indexed, space, name):
    plan = plan_of(space, name)
    found = PgvectorIndex(source(indexed), ef=200).search(plan, 10, where=EVERYTHING)
    ids, scores = brute_force(plan, gallery(), 10)
    assert len(np.intersect1d(found.ranking.ids, ids)) >= 9
    own = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    assert all(own.get(i, s) == s for i, s in zip(found.ranking.ids, found.ranking.scores, strict=True))
    assert found.how == "HNSW index in PostgreSQL, ef 200"
    assert not found.ranking.exact


@SHARED
def test_the_index_serves_wide_filters_too(indexed, monkeypatch):
    monkeypatch.setattr(hnsw, "NARROW", 0)
    plan, pa = plan_of("raw", "repulsion"), np.arange(1, COUNT + 1, 2)
    found = PgvectorIndex(source(indexed), ef=20).search(plan, 50, where=Where(views=("PA",)))
    assert found.how == "HNSW index in PostgreSQL, ef 20"
    assert found.considered == len(pa)
    assert len(found.ranking.ids) == 50
    assert np.isin(found.ranking.ids, pa).all()
    assert len(np.intersect1d(found.ranking.ids, brute_force(plan, gallery(), 50, pa)[0])) >= 45


@SHARED
@pytest.mark.parametrize(
    ("name", "k", "search", "reason"),
    [
        ("log-odds", 5, {"where": EVERYTHING}, "the plan has log-probabilities"),
        ("linear", 251, {"where": EVERYTHING}, "251 images are more than an HNSW index finds well"),
        ("linear", 5, {"where": Where(views=("PA",))}, "the filter lets only 200 images through"),
        (
            "linear",
            5,
            {"where": EVERYTHING, "among": np.array([3, 4])},
            "only certain images may be hits",
        ),
    ],
)
def test_where_the_index_would_serve_badly_all_is_scanned(indexed, name, k, search, reason):
    found = PgvectorIndex(source(indexed)).search(plan_of("raw", name), k, **search)
    assert found.how == f"scan of float16 rows in PostgreSQL, for {reason}"
    assert found.ranking.exact


@SHARED
def test_an_index_that_finds_too_few_is_not_believed(indexed, monkeypatch):
    nothing = hnsw._nearest
    monkeypatch.setattr(hnsw, "_nearest", lambda *given: nothing(*given[:3], 3))
    found = PgvectorIndex(source(indexed)).search(plan_of("raw", "many"), 5, where=EVERYTHING)
    assert found.how == "scan of float16 rows in PostgreSQL, for the HNSW index found too few"
    same(found, brute_force(plan_of("raw", "many"), gallery(), 5))


@SHARED
def test_the_statement_is_served_by_the_hnsw_index_of_its_space(indexed):
    with transaction(source(indexed).engine, source(indexed).place) as connection:
        asked = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = :name"
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        before = connection.execute(text(asked), {"name": building.index_name(SPACE)}).scalar_one()
    PgvectorIndex(source(indexed)).search(plan_of("raw", "many"), 5, where=EVERYTHING)
    source(indexed).engine.dispose()  # a session tells its counts at the latest when it ends
    for _ in range(50):
        with transaction(source(indexed).engine, source(indexed).place) as connection:
            after = connection.execute(text(asked), {"name": building.index_name(SPACE)}).scalar_one()
        if after > before:
            break
    assert after > before


@SHARED
def test_a_search_leaves_no_setting_behind(indexed):
    PgvectorIndex(source(indexed)).search(plan_of("raw", "linear"), 5, where=EVERYTHING)
    with transaction(source(indexed).engine, source(indexed).place, writes=True) as connection:
        for name, value in (
            ("hnsw.ef_search", "40"),
            ("enable_sort", "on"),
            ("statement_timeout", "0"),
            ("transaction_read_only", "off"),
        ):
            assert connection.execute(text(f"SHOW {name}")).scalar() == value


@SHARED
def test_a_search_cannot_write(shared):
    with (
        pytest.raises(Exception, match="read-only transaction"),
        asking.asking(source(shared)) as connection,
    ):
        connection.execute(text("DELETE FROM halves"))


@OWN
def test_what_a_killed_build_left_is_removed_by_the_next(archive, location):
    filled(location, gallery(6, 40))
    indexes = archive.indexes(SPACE)
    indexes.build("pgvector")
    name = building.index_name(SPACE)
    run(location, f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")
    state = {each.name: each for each in indexes.states()}["pgvector"]
    assert not state.ready
    assert "is being built, or its building was killed; `medneg index build pgvector`" in state.note
    with pytest.raises(ArchiveError, match="pgvector cannot be used: the HNSW index of this space is being"):
        indexes.open("pgvector")
    assert indexes.build("pgvector").ready
    indexes.drop("pgvector")
    with pytest.raises(ArchiveError, match="no HNSW index of this space has been built; `medneg index build"):
        indexes.open("pgvector")
    indexes.drop("pgvector")


@OWN
def test_of_two_builds_at_once_one_is_refused(archive, location):
    filled(location, gallery(7, 40))
    with (
        building._turn(source(archive)),
        pytest.raises(ArchiveError, match="another process is building this HNSW index"),
    ):
        archive.indexes(SPACE).build("pgvector")


@OWN
def test_a_build_that_is_interrupted_leaves_nothing(archive, location, monkeypatch):
    filled(location, gallery(8, 40))
    monkeypatch.setattr(building, "_POLLED_SECONDS", 0.2)
    engine = connect(locate(location))
    with engine.connect() as writer:  # a build waits for those who write
        writer.execute(text("UPDATE halves SET image_id = image_id WHERE image_id = 1"))

        def interrupt(_watch):
            writer.rollback()
            raise KeyboardInterrupt

        monkeypatch.setattr(building._Watch, "__call__", interrupt)
        with pytest.raises(KeyboardInterrupt):
            archive.indexes(SPACE).build("pgvector")
    engine.dispose()
    with transaction(source(archive).engine, source(archive).place) as connection:
        assert building.look(connection, SPACE) is None


@OWN
def test_a_space_too_wide_for_hnsw_is_refused(archive, location, monkeypatch):
    filled(location, gallery(9, 10))
    monkeypatch.setattr(building, "WIDEST", 15)
    with pytest.raises(ArchiveError, match="vectors of up to 15 values, and these have 16"):
        archive.indexes(SPACE).build("pgvector")


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
