"""An index from one function that finds nearest images, against the scan that proves its answers."""

import numpy as np
import pytest

from medneg.archive import Archive
from medneg.archive.filters import Where
from medneg.archive.indexes import candidates, probing
from medneg.archive.indexes.candidates import CandidateIndex, Near
from medneg.archive.indexes.probing import aim, sample
from medneg.scoring.plan import enter, score
from medneg.values import Linear, Plan, Repulsion, Space, Term
from tests.archive.new_images import SPACE, WIDTH, new_image
from tests.archive.new_plans import CARD, MEAN, RESPONSES, plan_of

COUNT = 600


@pytest.fixture(scope="module")
def archive(shared_location):
    with Archive.open(shared_location, create=True) as store:
        store.register(CARD)
        images = [
            new_image(number, view="PA" if number % 3 else "AP", sex="F" if number % 50 == 0 else "M")
            for number in range(COUNT)
        ]
        store.store(SPACE, images=images)
        yield store


class Nearest:
    """The nearest rows of the scan matrix, and how many were asked for."""

    def __init__(self, archive):
        matrix = archive.matrix(SPACE)
        self.ids, self.rows = matrix.ids, matrix.vectors.astype(np.float32)
        self.asked = []

    def __call__(self, probe, m):
        self.asked.append(m)
        products = self.rows @ probe.vector
        best = np.argsort(-products)[:m]
        return Near.of(self.ids[best], products[best], probe=probe, asked=m)


@pytest.fixture
def nearest(archive):
    return Nearest(archive)


def index_of(archive, nearest):
    return CandidateIndex(archive.indexes(SPACE)._source, nearest, count=COUNT, how="toy")


@pytest.mark.parametrize("mean", [None, MEAN], ids=["raw", "centred"])
@pytest.mark.parametrize("responses", RESPONSES.values(), ids=RESPONSES)
@pytest.mark.parametrize(
    "where", [Where(), Where(views=("AP",)), Where(sexes=("F",))], ids=["all", "AP", "F"]
)
def test_the_best_are_those_of_the_scan_bit_for_bit(archive, nearest, where, responses, mean):
    plan = plan_of(*responses, mean=mean)
    for k in (1, 10, 40):
        expected = archive.indexes(SPACE).open("scan").search(plan, k, where=where)
        found = index_of(archive, nearest).search(plan, k, where=where)
        np.testing.assert_array_equal(found.ranking.ids, expected.ranking.ids)
        np.testing.assert_array_equal(found.ranking.scores, expected.ranking.scores)
        np.testing.assert_array_equal(found.ranking.contributions, expected.ranking.contributions)
        assert found.considered == expected.considered


def test_candidates_are_never_called_exact(archive, nearest):
    found = index_of(archive, nearest).search(plan_of(Linear(weight=1.0)), 5, where=Where())
    assert not found.ranking.exact
    assert nearest.asked == [64]
    assert found.ranking.rescored == 64
    assert found.how == "toy, 64 candidates"


def test_a_filter_asks_for_as_many_more_as_it_lets_fewer_through(archive, nearest):
    found = index_of(archive, nearest).search(plan_of(Linear(weight=1.0)), 5, where=Where(views=("AP",)))
    assert found.considered == 200
    assert nearest.asked == [192]


def test_a_narrow_filter_is_looked_at_image_by_image_and_proved(archive, nearest):
    found = index_of(archive, nearest).search(plan_of(*RESPONSES["repulsion"]), 5, where=Where(sexes=("F",)))
    assert found.considered == COUNT // 50
    assert found.ranking.exact
    assert nearest.asked == []
    assert found.how == "all 12 images that may be ranked, in SQL"


def test_only_the_images_named_are_ranked(archive, nearest):
    plan = plan_of(*RESPONSES["repulsion"])
    among = np.sort(nearest.ids[::2])
    for where in (Where(), Where(views=("PA",))):
        expected = archive.indexes(SPACE).open("scan").search(plan, 20, where=where, among=among)
        found = index_of(archive, nearest).search(plan, 20, where=where, among=among)
        np.testing.assert_array_equal(found.ranking.ids, expected.ranking.ids)
        assert found.considered == expected.considered
        assert nearest.asked


def test_few_images_named_are_looked_at_one_by_one(archive, nearest):
    found = index_of(archive, nearest).search(
        plan_of(Linear(weight=1.0)), 20, where=Where(), among=nearest.ids[:7]
    )
    assert sorted(found.ranking.ids) == sorted(nearest.ids[:7])
    assert found.ranking.exact


def test_no_image_is_an_answer_where_none_passes(archive, nearest):
    found = index_of(archive, nearest).search(plan_of(Linear(weight=1.0)), 5, where=Where(age_min=1))
    assert found.considered == len(found.ranking.ids) == 0
    assert found.ranking.exact


def test_equal_scores_beyond_the_candidates_are_looked_at(archive, nearest):
    """No image lies beyond the kink: every score is 0, and the ids decide."""
    plan = plan_of(Repulsion(weight=1.0, bias=2.0))
    found = index_of(archive, nearest).search(plan, 3, where=Where())
    np.testing.assert_array_equal(found.ranking.ids, np.sort(nearest.ids)[:3])
    assert nearest.asked == [64, 256]


def test_an_index_may_look_at_more_where_the_first_question_did_not_settle_it(archive, nearest):
    again = Nearest(archive)
    source = archive.indexes(SPACE)._source
    index = CandidateIndex(source, nearest, count=COUNT, how="toy", again=again)
    index.search(plan_of(Repulsion(weight=1.0, bias=2.0)), 3, where=Where())
    assert nearest.asked == [64]
    assert again.asked == [256]


def test_too_few_candidates_are_made_up_for_from_the_truth(archive):
    def forgetful(probe, m):
        return Near(ids=np.empty(0, np.int64), ceiling=-np.inf)

    plan = plan_of(*RESPONSES["cosine"])
    expected = archive.indexes(SPACE).open("scan").search(plan, 9, where=Where())
    found = index_of(archive, forgetful).search(plan, 9, where=Where())
    np.testing.assert_array_equal(found.ranking.ids, expected.ranking.ids)


def test_a_search_ends_with_what_it_has_where_looking_at_all_would_take_too_long(archive, monkeypatch):
    monkeypatch.setattr(candidates, "MOST_EXACT", 100)
    monkeypatch.setattr(candidates, "MOST_SCORED", 100)
    ids = Nearest(archive).ids

    def unsure(probe, m):
        return Near(ids=ids[:m], ceiling=np.inf)

    found = index_of(archive, unsure).search(plan_of(*RESPONSES["cosine"]), 9, where=Where())
    assert found.ranking.rescored == 64
    assert not found.ranking.exact
    assert set(found.ranking.ids) <= set(ids[:64])


@pytest.mark.parametrize("mean", [None, MEAN], ids=["raw", "centred"])
@pytest.mark.parametrize("responses", RESPONSES.values(), ids=RESPONSES)
def test_no_image_left_out_scores_above_the_ceiling(archive, nearest, responses, mean):
    plan = plan_of(*responses, mean=mean)
    drawn = sample(archive.indexes(SPACE)._source, COUNT)
    probe = aim(plan, drawn, k=10, count=COUNT)
    truth = archive.vectors(SPACE, nearest.ids.tolist())
    products = truth @ probe.vector
    for product in np.quantile(products, [0.3, 0.8, 0.95]):
        assert score(plan, truth[products <= product]).max() <= probe.ceiling(float(product)) + 1e-3


def test_a_centred_probe_points_where_the_bound_grows_fastest(archive):
    """Its vector is the numerical gradient of x ↦ u(x − m)·v over the sphere, at the sample's best image."""
    plan = plan_of(Linear(weight=1.0), mean=MEAN)
    drawn = sample(archive.indexes(SPACE)._source, COUNT)
    probe = aim(plan, drawn, k=1, count=COUNT)
    rows = drawn.vectors.astype(np.float64)
    best = rows[np.argmax(score(plan, rows.astype(np.float32)))]

    def value(x):
        return enter((x / np.linalg.norm(x))[None], plan.space)[0] @ plan.terms[0].direction

    steps = 1e-6 * np.eye(WIDTH)
    slope = np.array([(value(best + step) - value(best - step)) / 2e-6 for step in steps])
    along = probe.vector - (probe.vector @ best) * best
    assert along @ slope / np.linalg.norm(along) / np.linalg.norm(slope) > 0.9999


def test_the_sample_is_drawn_once_and_again_when_the_space_has_doubled(archive):
    source = archive.indexes(SPACE)._source
    first = sample(source, COUNT)
    assert len(first) == COUNT
    assert sample(source, 2 * COUNT - 1) is first
    assert sample(source, 2 * COUNT) is not first


def test_a_large_space_is_sampled_by_keys(archive, monkeypatch):
    source = archive.indexes(SPACE)._source
    monkeypatch.setattr(probing, "_SAMPLE", 100)
    monkeypatch.setattr(probing, "_ENOUGH", 75)
    drawn = sample(source, 10 * COUNT)
    assert 75 <= len(drawn) <= 200
    assert drawn.ids.max() > COUNT // 2
    np.testing.assert_array_equal(
        drawn.vectors, archive.vectors(SPACE, drawn.ids.tolist()).astype(np.float16)
    )


@pytest.mark.parametrize(
    ("plan", "k", "message"),
    [
        (plan_of(Linear(weight=1.0)), 0, "k must be at least 1; got 0"),
        (plan_of(Linear(weight=float("nan"))), 1, "must be finite"),
    ],
)
def test_what_cannot_be_searched_is_refused(archive, nearest, plan, k, message):
    with pytest.raises(ValueError, match=message):
        index_of(archive, nearest).search(plan, k, where=Where())


def test_a_plan_of_another_width_is_refused(archive, nearest):
    term = Term(direction=np.ones(3, np.float32), response=Linear(weight=1.0), label="")
    plan = Plan(terms=(term,), space=Space(image_fingerprint=SPACE))
    with pytest.raises(ValueError, match=f"width 3, the space {WIDTH}"):
        index_of(archive, nearest).search(plan, 1, where=Where())
