"""Every method against a slow twin, written from the paper's definition for one image at a time."""

import itertools
import math

import numpy as np
import pytest

from medneg.errors import CalibrationMissing, QueryError, UnknownName
from medneg.scoring import ANCHOR, METHODS, Calibration, compile_plan, method
from medneg.scoring.plan import contributions, score
from medneg.values import EncoderCard, InputSpec, Linear, Mention, Query, Repulsion

TEXTS = (
    "effusion",
    "edema",
    "calcification",
    "granuloma",
    "effusion and calcification",
    "effusion and granuloma",
)
towers = itertools.count()
STRENGTHS = {"strong": (0.90, 0.30), "moderate": (0.92, 0.20), "weak": (0.94, 0.10)}


def unit(vector):
    return vector / np.linalg.norm(vector)


class TableTower:
    """A text tower that knows some sentences by heart."""

    def __init__(self, *, spread=0.5, width=8, template="a film with {}", seed=0):
        draw = np.random.default_rng(seed)
        common = unit(draw.standard_normal(width))
        sentences = [template.format(text) for text in TEXTS]
        sentences += ["effusion but no calcification", "the sentence", "edema", ANCHOR]
        self.table = {
            text: unit(common + spread * unit(draw.standard_normal(width))).astype(np.float32)
            for text in sentences
        }
        self.calls = []
        self.card = EncoderCard(
            name="table",
            width=width,
            input=InputSpec(size=1),
            image_fingerprint="image",
            text_fingerprint=f"table {spread} {width} {template} {seed} {next(towers)}",
            licence="Apache-2.0",
            notice="",
            template=template,
        )

    def encode_texts(self, texts):
        self.calls.append(tuple(texts))
        return np.stack([self.table[text] for text in texts])

    def __getitem__(self, phrase):
        return self.table[self.card.template.format(phrase)].astype(np.float64)


def wanted(text, **more):
    return Mention(text=text, polarity="affirmed", **more)


def excluded(text, strength="strong", **more):
    return Mention(text=text, polarity="negated", strength=strength, **more)


def query(affirmed=("effusion",), negated=("calcification",), strength="strong", raw="the sentence"):
    return Query(
        raw=raw,
        affirmed=tuple(map(wanted, affirmed)),
        negated=tuple(excluded(text, strength) for text in negated),
        counterfactuals=tuple(f"effusion and {text}" for text in negated),
    )


def images(rows=30, width=8, seed=5):
    vectors = np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def scores(asked, name, tower, calibration=None, **more):
    space = "raw" if calibration is None else "centred"
    plan = compile_plan(asked, name, tower=tower, calibration=calibration, space=space, **more)
    return score(plan, images())


def slow_spacevlm_direction(a, n, t):
    """The unit vector in the plane of a and n at angle α + θ/2 from n, on the side of a; a when θ ≥ 2α."""
    alpha, theta = math.acos(t), math.acos(a @ n)
    if theta >= 2 * alpha:
        return a
    delta = alpha + theta / 2
    return math.cos(delta) * n + math.sin(delta) * unit(a - (a @ n) * n)


def slow_printed_direction(a, b, t):
    alpha, theta = math.acos(t), math.acos(a @ b)
    plus = (
        math.sin(alpha + theta / 2) / math.sin(theta) * a + math.sin(alpha - theta / 2) / math.sin(theta) * b
    )
    return unit(plus)


def slow_drc(tower, direction, strength, image):
    t, base = STRENGTHS[strength]
    aff, neg, cf = tower["effusion"], tower["calcification"], tower["effusion and calcification"]
    full = tower.table["the sentence"].astype(np.float64)
    s1, s2 = image @ direction(aff, neg, t), image @ direction(aff, cf, t)
    return 0.35 * s1 + 0.35 * s2 + 0.30 * (image @ direction(full, neg, t)) - 1.5 * base * max(image @ neg, 0)


SPREADS = pytest.mark.parametrize("spread", [0.1, 0.3, 0.7, 2.0], ids="spread={}".format)


def test_cosine_is_the_raw_sentence():
    tower = TableTower()
    want = images().astype(float) @ tower.table["the sentence"].astype(float)
    np.testing.assert_allclose(scores(query(), "cosine", tower), want, atol=1e-12)


def test_affirmed_only_is_the_normalised_mean_of_what_is_wanted():
    tower = TableTower()
    a = unit((tower["effusion"] + tower["edema"]) / 2)
    got = scores(query(("effusion", "edema")), "affirmed-only", tower)
    np.testing.assert_allclose(got, images() @ a, atol=1e-6)


def test_subtract_takes_each_unwanted_phrase_where_the_image_shows_it():
    tower = TableTower()
    got = scores(query(negated=("calcification", "granuloma")), "subtract", tower)
    want = [
        x @ tower["effusion"] - max(x @ tower["calcification"], 0) - max(x @ tower["granuloma"], 0)
        for x in images().astype(float)
    ]
    np.testing.assert_allclose(got, want, atol=1e-6)


@SPREADS
def test_spacevlm_matches_the_geometry_of_the_two_caps(spread):
    tower = TableTower(spread=spread)
    v = slow_spacevlm_direction(tower["effusion"], tower["calcification"], 0.9)
    np.testing.assert_allclose(scores(query(), "spacevlm", tower), images() @ v, atol=1e-5)


def test_spacevlm_averages_the_directions_away_from_several():
    tower = TableTower(spread=0.3)
    v = [
        slow_spacevlm_direction(tower["effusion"], tower[text], 0.9)
        for text in ("calcification", "granuloma")
    ]
    got = scores(query(negated=("calcification", "granuloma")), "spacevlm", tower)
    np.testing.assert_allclose(got, images() @ unit(v[0] + v[1]), atol=1e-5)


@SPREADS
@pytest.mark.parametrize("strength", STRENGTHS)
def test_drc_matches_equations_5_to_14_with_spacevlms_sign_and_mask(spread, strength):
    tower = TableTower(spread=spread)
    want = [slow_drc(tower, slow_spacevlm_direction, strength, x) for x in images().astype(float)]
    np.testing.assert_allclose(scores(query(strength=strength), "drc", tower), want, atol=1e-5)


@SPREADS
@pytest.mark.parametrize("strength", STRENGTHS)
def test_drc_printed_matches_equations_5_to_14_to_the_letter(spread, strength):
    tower = TableTower(spread=spread)
    want = [slow_drc(tower, slow_printed_direction, strength, x) for x in images().astype(float)]
    np.testing.assert_allclose(scores(query(strength=strength), "drc-printed", tower), want, atol=1e-5)


def test_the_printed_equation_pulls_towards_what_is_close_and_the_other_pushes_away():
    tower = TableTower(spread=0.3)  # calcification is nearer to effusion than 2t² − 1 = .62
    a, n = tower["effusion"], tower["calcification"]
    assert a @ n > 0.62
    assert slow_printed_direction(a, n, 0.9) @ n > a @ n > slow_spacevlm_direction(a, n, 0.9) @ n


@pytest.mark.parametrize("name", [name for name in METHODS if name != "cosine"])
def test_centred_methods_are_raw_methods_on_centred_vectors(name):
    tower, centred = TableTower(), TableTower()
    means = Calibration(
        mean_text=images(seed=8)[0] * np.float32(0.4), mean_image=images(seed=9)[0] * np.float32(0.3)
    )
    centred.table = {text: unit(v - means.mean_text).astype(np.float32) for text, v in tower.table.items()}
    got = scores(query(), name, tower, means)
    moved = images() - means.mean_image
    plan = compile_plan(query(), name, tower=centred)
    want = score(plan, (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32))
    np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("centred", [False, True], ids=["raw", "centred"])
def test_without_negation_every_method_is_plain_cosine_bit_for_bit(name, centred):
    tower = TableTower()
    means = Calibration(mean_text=images()[0], mean_image=images()[1]) if centred else None
    asked = Query(raw="edema", affirmed=(wanted("edema"),), uncertain=())
    text = tower.table["edema"].astype(np.float64)
    want = [float(np.add.reduce(image.astype(np.float64) * text)) for image in images()]
    assert scores(asked, name, tower, means).tolist() == want
    assert tower.calls == [("edema",)]


@pytest.mark.parametrize("name", METHODS)
def test_a_hit_is_explained_by_terms_that_belong_to_mentions(name):
    asked = query()
    plan = compile_plan(asked, name, tower=TableTower(spread=0.3))
    parts = contributions(plan, images())
    np.testing.assert_allclose(parts.sum(axis=1), score(plan, images()), atol=1e-12)
    known = {asked.affirmed[0], asked.negated[0], None}
    assert {term.mention for term in plan.terms} <= known
    if name not in {"cosine", "affirmed-only"}:
        assert asked.negated[0] in {term.mention for term in plan.terms}


@pytest.mark.parametrize("name", METHODS)
def test_texts_are_encoded_in_one_call_and_remembered(name):
    tower = TableTower()
    for _ in range(2):
        compile_plan(query(), name, tower=tower)
    assert len(tower.calls) == 1
    assert len(set(tower.calls[0])) == len(tower.calls[0])


def test_subtract_with_nothing_wanted_ranks_by_the_opposite_of_what_is_unwanted():
    tower = TableTower()
    got = scores(query(affirmed=(), negated=("calcification", "granuloma")), "subtract", tower)
    np.testing.assert_allclose(got, -(images() @ (tower["calcification"] + tower["granuloma"])), atol=1e-6)


@pytest.mark.parametrize("name", ["affirmed-only", "spacevlm", "drc", "drc-printed"])
def test_with_nothing_wanted_the_anchor_is_a_sentence_true_of_every_image(name):
    tower = TableTower()
    plan = compile_plan(query(affirmed=()), name, tower=tower)
    assert ANCHOR in tower.calls[0]
    assert plan.terms[0].mention is None
    assert plan.terms[0].label == ANCHOR


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("alike", [0.0, 1e-7, 1e-5], ids="apart={}".format)
def test_phrases_that_cannot_be_told_apart_give_finite_scores(name, alike):
    tower = TableTower()
    for text in TEXTS[2:]:
        twin = tower["effusion"] + alike * np.eye(8)[0]
        tower.table[tower.card.template.format(text)] = unit(twin).astype(np.float32)
    plan = compile_plan(query(), name, tower=tower)
    assert np.isfinite(score(plan, images())).all()
    assert max(abs(getattr(term.response, "weight", 0)) for term in plan.terms) < 1e3


@pytest.mark.parametrize("name", METHODS)
def test_opposite_and_zero_vectors_give_finite_scores(name):
    tower = TableTower()
    tower.table[tower.card.template.format("calcification")] = -tower.table[
        tower.card.template.format("effusion")
    ]
    assert np.isfinite(scores(query(), name, tower)).all()
    means = Calibration(mean_text=tower["effusion"].astype(np.float32), mean_image=images()[0])
    assert np.isfinite(scores(query(), name, tower, means)).all()


def test_what_is_wanted_and_excluded_at_once_is_not_excluded():
    asked = query(negated=("effusion", "calcification"))
    plan = compile_plan(asked, "subtract", tower=TableTower())
    assert [term.label for term in plan.terms] == ["effusion", "not calcification"]
    assert [(w.code, w.message) for w in plan.warnings] == [
        ("contradiction", "The query both asks for and excludes “effusion”; it is not excluded.")
    ]


@pytest.mark.parametrize("name", METHODS)
def test_a_query_whose_only_exclusion_is_a_contradiction_still_compiles(name):
    plan = compile_plan(query(negated=("effusion",)), name, tower=TableTower())
    assert all(isinstance(term.response, Linear) for term in plan.terms)


@pytest.mark.parametrize(("centred", "warned"), [(False, True), (True, False)])
def test_an_encoder_that_cannot_tell_two_findings_apart_is_named(centred, warned):
    tower = TableTower(spread=0.15)
    mean = np.mean(list(tower.table.values()), axis=0)
    means = Calibration(mean_text=mean, mean_image=images()[0] * np.float32(0.5)) if centred else None
    space = "centred" if centred else "raw"
    plan = compile_plan(query(), "subtract", tower=tower, calibration=means, space=space)
    assert [warning.code for warning in plan.warnings] == ["inseparable"] * warned
    if warned:
        assert "The encoder table can hardly tell “effusion” from “calcification”" in plan.warnings[0].message


def test_an_excluded_parent_excludes_each_of_its_kinds():
    tower = TableTower()
    plan = compile_plan(
        query(),
        "subtract",
        tower=tower,
        expand=lambda m: (m.text, "granuloma") if m.polarity == "negated" else (m.text,),
    )
    assert [term.label for term in plan.terms] == ["effusion", "not calcification", "not granuloma"]
    overlap = tower["calcification"] @ tower["granuloma"]
    for term in plan.terms[1:]:
        assert term.mention == query().negated[0]
        assert term.response.weight == pytest.approx(1 / (1 + max(overlap, 0)), rel=1e-6)


def test_kinds_that_say_the_same_count_once_and_unrelated_ones_fully():
    tower = TableTower()
    film = tower.card.template.format
    tower.table[film("calcification")] = np.eye(8, dtype=np.float32)[0]
    for other, weight in ((np.eye(8, dtype=np.float32)[0], 0.5), (np.eye(8, dtype=np.float32)[1], 1.0)):
        tower.table[film("granuloma")] = other
        tower.card = TableTower().card
        plan = compile_plan(
            query(),
            "subtract",
            tower=tower,
            expand=lambda m: (m.text, "granuloma") if m.polarity == "negated" else (m.text,),
        )
        assert [term.response for term in plan.terms[1:]] == [Repulsion(weight=weight)] * 2


def test_a_wanted_parent_is_met_by_any_of_its_kinds():
    tower = TableTower()
    got = scores(
        query(),
        "affirmed-only",
        tower,
        expand=lambda m: (m.text, "edema") if m.polarity == "affirmed" else (m.text,),
    )
    np.testing.assert_allclose(got, images() @ unit(tower["effusion"] + tower["edema"]), atol=1e-6)


def test_a_kind_that_is_wanted_itself_is_not_excluded_with_its_parent():
    plan = compile_plan(
        query(("granuloma",)),
        "subtract",
        tower=TableTower(),
        expand=lambda m: (m.text, "granuloma") if m.polarity == "negated" else (m.text,),
    )
    assert [term.label for term in plan.terms] == ["granuloma", "not calcification"]


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(
        UnknownName, match="unknown method 'magic'; choose one of: affirmed-only, cosine, drc"
    ):
        compile_plan(query(), "magic", tower=TableTower())


def test_an_unknown_space_is_refused_with_the_known_ones():
    with pytest.raises(UnknownName, match="unknown space 'white'; choose one of: raw, centred"):
        compile_plan(query(), "subtract", tower=TableTower(), space="white")


def test_the_centred_space_without_its_means_is_refused_with_the_remedy():
    with pytest.raises(
        CalibrationMissing,
        match="the centred space needs the mean text and the mean image; measure it once with "
        "`medneg calibrate --archive ARCHIVE --encoder table`",
    ):
        compile_plan(query(), "subtract", tower=TableTower(), space="centred")


def test_an_empty_query_is_refused():
    with pytest.raises(QueryError, match="the query is empty"):
        compile_plan(Query(raw="  "), "subtract", tower=TableTower())


def test_a_method_name_is_registered_once():
    with pytest.raises(ValueError, match="there is a method 'cosine' already"):
        method("cosine", source="", needs=())(lambda reading: ())
