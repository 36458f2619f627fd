"""Every method against a slow twin, written from the paper's definition for one image at a time."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from medneg.errors import CalibrationMissing, QueryError, UnknownName
from medneg.scoring import ANCHOR, METHODS, NORMAL, Calibration, Curve, Kind, compile_plan, method
from medneg.scoring.paired import TEMPLATES
from medneg.scoring.plan import contributions, score
from medneg.values import EncoderCard, InputSpec, Mention, Query, Repulsion

FINDINGS = ("effusion", "edema", "calcification", "granuloma")
PHRASES = (*FINDINGS, "effusion and calcification", "effusion and granuloma", NORMAL, "dry pleura")
towers = itertools.count()
HEADLESS = [name for name, each in METHODS.items() if not each.needs_head]
"""ExclMM has tests of its own: it works in the codes of a head."""
STRENGTHS = {"strong": (0.90, 0.30), "moderate": (0.92, 0.20), "weak": (0.94, 0.10)}


def unit(vector):
    return vector / np.linalg.norm(vector)


class TableTower:
    """A text tower that knows some sentences by heart."""

    def __init__(self, *, spread=0.5, width=8, template="a film with {}", seed=0):
        draw = np.random.default_rng(seed)
        common = unit(draw.standard_normal(width))
        sentences = [form.format(text) for text in PHRASES for form in (template, *TEMPLATES)]
        sentences += ["effusion but no calcification", "the sentence", "edema", ANCHOR]
        self.table = {
            text: unit(common + spread * unit(draw.standard_normal(width))).astype(np.float32)
            for text in dict.fromkeys(sentences)
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
    return Mention(text=text, polarity="affirmed", finding=text, **more)


def excluded(text, strength="strong", **more):
    return Mention(text=text, polarity="negated", strength=strength, finding=text, **more)


def measured(images, mean_text=None):
    """What a calibration would know of an archive of these images, with a curve for every finding."""
    mean = images.mean(axis=0)
    centred = images - mean
    centred = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    rows = {"raw": images.astype(float), "centred": centred.astype(float)}
    curves = {
        text: Curve(slope=3.0 + k, intercept=-1.0 + k / 2, present=9, absent=9, error=0.0)
        for k, text in enumerate(FINDINGS)
    }
    return Calibration(
        mean_text=np.zeros(images.shape[1], np.float32) if mean_text is None else mean_text,
        mean_image=mean,
        covariance={space: np.cov(x.T, bias=True).astype(np.float32) for space, x in rows.items()},
        curves={"raw": curves, "centred": curves},
    )


def kinds(*texts):
    """An expansion of every unwanted mention to these."""
    return lambda mention: tuple(
        Kind(text=text, finding=text)
        for text in ((mention.text, *texts) if mention.polarity == "negated" else (mention.text,))
    )


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


def plan_of(asked, name, tower, *, space="raw", calibration=None, **more):
    """A plan with a calibration of the images in hand, unless another one is given."""
    known = calibration or measured(images())
    return compile_plan(asked, name, tower=tower, calibration=known, space=space, **more)


def scores(asked, name, tower, calibration=None, **more):
    space = "raw" if calibration is None else "centred"
    return score(plan_of(asked, name, tower, space=space, calibration=calibration, **more), images())


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


def test_subtract_counts_the_weaker_of_two_wanted_findings():
    tower = TableTower(spread=2.0)
    got = scores(query(("effusion", "edema")), "subtract", tower)
    want = [
        min(x @ tower["effusion"], x @ tower["edema"]) - max(x @ tower["calcification"], 0)
        for x in images().astype(float)
    ]
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_subtract_takes_each_unwanted_phrase_where_the_image_shows_it():
    tower = TableTower()
    got = scores(query(negated=("calcification", "granuloma")), "subtract", tower)
    want = [
        x @ tower["effusion"] - max(x @ tower["calcification"], 0) - max(x @ tower["granuloma"], 0)
        for x in images().astype(float)
    ]
    np.testing.assert_allclose(got, want, atol=1e-6)


@SPREADS
def test_projection_is_at_right_angles_to_what_is_unwanted(spread):
    tower = TableTower(spread=spread)
    a, n = tower["effusion"], tower["calcification"]
    got = scores(query(), "projection", tower)
    np.testing.assert_allclose(got, images() @ unit(a - (a @ n) * n), atol=1e-5)


def test_projection_takes_several_out_by_gram_schmidt():
    tower = TableTower()
    left, basis = tower["effusion"], []
    for text in ("calcification", "granuloma"):
        n = tower[text]
        for axis in basis:
            n = n - (n @ axis) * axis
        basis.append(unit(n))
        left = left - (left @ basis[-1]) * basis[-1]
    got = scores(query(negated=("calcification", "granuloma")), "projection", tower)
    np.testing.assert_allclose(got, images() @ unit(left), atol=1e-5)


def test_projection_bears_two_unwanted_phrases_that_say_the_same():
    tower = TableTower()
    tower.table[tower.card.template.format("granuloma")] = tower["calcification"].astype(np.float32)
    a, n = tower["effusion"], tower["calcification"]
    got = scores(query(negated=("calcification", "granuloma")), "projection", tower)
    np.testing.assert_allclose(got, images() @ unit(a - (a @ n) * n), atol=1e-5)


def slow_turn(a, n, degrees):
    """The vector of their plane, on a's side, whose angle to n is that of a and some degrees more."""
    theta = min(math.acos(a @ n) + math.radians(degrees), math.pi)
    return math.cos(theta) * n + math.sin(theta) * unit(a - (a @ n) * n)


@SPREADS
def test_rotate_turns_by_45_degrees_away(spread):
    tower = TableTower(spread=spread)
    v = slow_turn(tower["effusion"], tower["calcification"], 45)
    np.testing.assert_allclose(scores(query(), "rotate", tower), images() @ v, atol=1e-5)


def test_rotate_turns_no_further_than_to_the_opposite():
    tower = TableTower()
    a = tower["effusion"]
    side = unit(np.eye(8)[0] - (np.eye(8)[0] @ a) * a)
    n = unit(-a + 0.3 * side)
    tower.table[tower.card.template.format("calcification")] = n.astype(np.float32)
    np.testing.assert_allclose(scores(query(), "rotate", tower), -(images() @ n), atol=1e-5)


def test_rotate_averages_the_directions_away_from_several():
    tower = TableTower()
    v = [slow_turn(tower["effusion"], tower[text], 45) for text in ("calcification", "granuloma")]
    got = scores(query(negated=("calcification", "granuloma")), "rotate", tower)
    np.testing.assert_allclose(got, images() @ unit(v[0] + v[1]), atol=1e-5)


def slow_z(tower, text, rows):
    """Every image's score on a text, less their mean, over their deviation."""
    projections = [float(row @ tower[text]) for row in rows]
    mean = sum(projections) / len(projections)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in projections) / len(projections))
    return np.array([(value - mean) / deviation for value in projections])


@SPREADS
def test_z_score_weighs_deviations_of_the_archive(spread):
    tower, rows = TableTower(spread=spread), images().astype(float)
    got = scores(query(("effusion", "edema"), ("calcification", "granuloma")), "z-score", tower)
    z = {text: slow_z(tower, text, rows) for text in FINDINGS}
    want = np.minimum(z["effusion"], z["edema"])
    want = want - np.maximum(z["calcification"] + 0.5, 0) - np.maximum(z["granuloma"] + 0.5, 0)
    apart = got - want
    np.testing.assert_allclose(apart, np.full(len(rows), apart[0]), atol=2e-4)


def test_z_score_with_nothing_wanted_is_the_opposite_deviation():
    tower, rows = TableTower(), images().astype(float)
    got = scores(query(()), "z-score", tower)
    apart = got + slow_z(tower, "calcification", rows)
    np.testing.assert_allclose(apart, np.full(len(rows), apart[0]), atol=1e-4)


def test_z_score_ignores_how_crowded_the_texts_are():
    tower, rows = TableTower(spread=2.0), images()
    common = unit(np.random.default_rng(4).standard_normal(8))
    rows = rows - np.outer(rows @ common, common)  # no image has anything along it
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    crowded = TableTower(spread=2.0)
    crowded.table = {t: unit(v + 5 * common).astype(np.float32) for t, v in tower.table.items()}
    answers = [
        score(plan_of(query(), "z-score", each, calibration=measured(rows)), rows)
        for each in (tower, crowded)
    ]
    apart = answers[0] - answers[1]
    np.testing.assert_allclose(apart, np.full(len(rows), apart[0]), atol=1e-3)


@pytest.mark.parametrize("name", [name for name in HEADLESS if name != "cosine"])
def test_the_centred_space_does_not_see_what_all_texts_and_images_share(name):
    tower, crowded = TableTower(width=7, spread=2.0), TableTower(width=8)
    common = np.eye(8)[7]
    crowded.table = {
        t: unit(np.append(v, 0.0) + 5 * common).astype(np.float32) for t, v in tower.table.items()
    }
    rows = np.hstack([images(width=7), np.zeros((30, 1), np.float32)])
    moved = ((rows + 2 * common) / np.linalg.norm(rows + 2 * common, axis=1, keepdims=True)).astype(
        np.float32
    )
    answers = []
    for each, films, places in ((tower, rows[:, :7], 7), (crowded, moved, 8)):
        mean = np.mean([each[text] for text in FINDINGS], axis=0).astype(np.float32)
        known = measured(films, mean)
        assert known.mean_image.shape == (places,)
        answers.append(score(plan_of(query(), name, each, space="centred", calibration=known), films))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)


def slow_pole(tower, *texts):
    """The mean over all sentences of some phrases, of unit length."""
    forms = (tower.card.template, *TEMPLATES)
    return unit(sum(tower.table[form.format(text)].astype(float) for text in texts for form in forms))


@SPREADS
def test_paired_compares_each_finding_with_a_normal_film(spread):
    tower = TableTower(spread=spread)
    got = scores(query(("effusion", "edema")), "paired", tower)
    normal = slow_pole(tower, NORMAL)
    a, b, n = (slow_pole(tower, text) - normal for text in ("effusion", "edema", "calcification"))
    want = [min(x @ a, x @ b) - max(x @ n, 0) for x in images().astype(float)]
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("farther", [True, False])
def test_paired_takes_a_findings_own_counterpart_where_it_lies_farther_than_a_normal_film(farther):
    tower = TableTower()
    for form in (tower.card.template, *TEMPLATES):
        twin = tower.table[form.format("effusion")]
        tower.table[form.format("dry pleura")] = -twin if farther else twin
    got = scores(
        query(),
        "paired",
        tower,
        expand=lambda m: (Kind(text=m.text, normal="dry pleura" if m.text == "effusion" else None),),
    )
    a = slow_pole(tower, "effusion") - slow_pole(tower, "dry pleura" if farther else NORMAL)
    n = slow_pole(tower, "calcification") - slow_pole(tower, NORMAL)
    want = [x @ a - max(x @ n, 0) for x in images().astype(float)]
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_paired_with_nothing_wanted_wants_the_normal():
    tower = TableTower()
    n = slow_pole(tower, "calcification") - slow_pole(tower, NORMAL)
    np.testing.assert_allclose(scores(query(()), "paired", tower), -(images() @ n), atol=1e-5)


def slow_probability(tower, text, image):
    curve = measured(images()).curves["raw"][text]
    return 1 / (1 + math.exp(-(curve.slope * float(image @ tower[text]) + curve.intercept)))


def test_log_odds_is_the_probability_of_all_at_once():
    tower = TableTower()
    got = scores(query(("effusion", "edema"), ("calcification", "granuloma")), "log-odds", tower)
    want = [
        slow_probability(tower, "effusion", x)
        * slow_probability(tower, "edema", x)
        * (1 - slow_probability(tower, "calcification", x))
        * (1 - slow_probability(tower, "granuloma", x))
        for x in images().astype(float)
    ]
    np.testing.assert_allclose(np.exp(got), want, atol=1e-6)


def test_log_odds_with_nothing_wanted_needs_no_anchor():
    tower = TableTower()
    got = scores(query(()), "log-odds", tower)
    want = [1 - slow_probability(tower, "calcification", x) for x in images().astype(float)]
    np.testing.assert_allclose(np.exp(got), want, atol=1e-6)


def test_log_odds_judges_an_excluded_parent_by_its_kinds():
    plan = plan_of(query(), "log-odds", TableTower(), expand=kinds("granuloma", "effusion and granuloma"))
    assert [term.label for term in plan.terms] == ["effusion", "not granuloma"]
    assert plan.terms[1].mention == query().negated[0]


def test_log_odds_judges_an_excluded_parent_as_a_whole_where_its_kinds_have_no_curves():
    tower = TableTower()
    plan = plan_of(query(), "log-odds", tower, expand=kinds("effusion and granuloma"))
    assert [term.label for term in plan.terms] == ["effusion", "not calcification"]
    whole = unit(tower["calcification"] + tower["effusion and granuloma"])
    np.testing.assert_allclose(plan.terms[1].direction, whole, atol=1e-6)


def test_log_odds_judges_a_statement_of_normality_by_what_it_denies():
    asked = Query(
        raw="edema, dry pleura",
        affirmed=(wanted("edema", span=(0, 5)), wanted("dry pleura", span=(7, 17))),
        negated=(excluded("effusion", span=(7, 17), reason="normality"),),
        counterfactuals=("edema and effusion",),
    )
    tower = TableTower()
    tower.table[tower.card.template.format("edema and effusion")] = tower["edema"].astype(np.float32)
    plan = plan_of(asked, "log-odds", tower)
    assert [term.label for term in plan.terms] == ["edema", "not effusion"]


@pytest.mark.parametrize("unknown", ["effusion", "calcification"])
def test_log_odds_needs_labels_of_every_finding(unknown):
    known = measured(images())
    del known.curves["raw"][unknown]
    with pytest.raises(
        CalibrationMissing, match=f"log-odds needs labelled images with and without “{unknown}”"
    ):
        plan_of(query(), "log-odds", TableTower(), calibration=known)


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


@pytest.mark.parametrize("name", [name for name in HEADLESS if name != "cosine"])
def test_centred_methods_are_raw_methods_on_centred_vectors(name):
    tower, centred = TableTower(), TableTower()
    known = measured(images(), images(seed=8)[0] * np.float32(0.4))
    centred.table = {text: unit(v - known.mean_text).astype(np.float32) for text, v in tower.table.items()}
    got = scores(query(), name, tower, known)
    moved = images() - known.mean_image
    moved = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    of_moved = replace(measured(moved), mean_image=np.zeros(8, np.float32))  # as a centred space has it
    want = score(plan_of(query(), name, centred, calibration=of_moved), moved)
    np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize("name", HEADLESS)
@pytest.mark.parametrize("centred", [False, True], ids=["raw", "centred"])
def test_without_negation_every_method_is_plain_cosine_bit_for_bit(name, centred):
    tower = TableTower()
    means = Calibration(mean_text=images()[0], mean_image=images()[1]) if centred else None
    asked = Query(raw="edema", affirmed=(wanted("edema"),), uncertain=())
    text = tower.table["edema"].astype(np.float64)
    want = [float(np.add.reduce(image.astype(np.float64) * text)) for image in images()]
    assert scores(asked, name, tower, means).tolist() == want
    assert tower.calls == [("edema",)]


@pytest.mark.parametrize("name", HEADLESS)
def test_a_hit_is_explained_by_terms_that_belong_to_mentions(name):
    asked = query()
    plan = plan_of(asked, name, TableTower(spread=0.3))
    parts = contributions(plan, images())
    np.testing.assert_allclose(parts.sum(axis=1), score(plan, images()), atol=1e-12)
    known = {asked.affirmed[0], asked.negated[0], None}
    assert {term.mention for term in plan.terms} <= known
    if name not in {"cosine", "affirmed-only"}:
        assert asked.negated[0] in {term.mention for term in plan.terms}


@pytest.mark.parametrize("name", HEADLESS)
def test_texts_are_encoded_in_one_call_and_remembered(name):
    tower = TableTower()
    for _ in range(2):
        plan_of(query(), name, tower)
    assert len(tower.calls) == 1
    assert len(set(tower.calls[0])) == len(tower.calls[0])


def test_subtract_with_nothing_wanted_ranks_by_the_opposite_of_what_is_unwanted():
    tower = TableTower()
    got = scores(query(affirmed=(), negated=("calcification", "granuloma")), "subtract", tower)
    np.testing.assert_allclose(got, -(images() @ (tower["calcification"] + tower["granuloma"])), atol=1e-6)


@pytest.mark.parametrize("name", ["affirmed-only", "projection", "rotate", "spacevlm", "drc", "drc-printed"])
def test_with_nothing_wanted_the_anchor_is_a_sentence_true_of_every_image(name):
    tower = TableTower()
    plan = compile_plan(query(affirmed=()), name, tower=tower)
    assert ANCHOR in tower.calls[0]
    assert plan.terms[0].mention is None
    assert plan.terms[0].label == ANCHOR


@pytest.mark.parametrize("name", HEADLESS)
@pytest.mark.parametrize("alike", [0.0, 1e-7, 1e-5], ids="apart={}".format)
def test_phrases_that_cannot_be_told_apart_give_finite_scores(name, alike):
    tower = TableTower()
    for text in PHRASES[2:]:
        twin = tower["effusion"] + alike * np.eye(8)[0]
        tower.table[tower.card.template.format(text)] = unit(twin).astype(np.float32)
    plan = plan_of(query(), name, tower)
    assert np.isfinite(score(plan, images())).all()
    assert max(abs(getattr(term.response, "weight", 0)) for term in plan.terms) <= 1e3


@pytest.mark.parametrize("name", HEADLESS)
def test_opposite_and_zero_vectors_give_finite_scores(name):
    tower = TableTower()
    tower.table[tower.card.template.format("calcification")] = -tower.table[
        tower.card.template.format("effusion")
    ]
    assert np.isfinite(scores(query(), name, tower)).all()
    known = measured(images(), mean_text=tower["effusion"].astype(np.float32))
    assert np.isfinite(scores(query(), name, tower, known)).all()


def test_a_text_whose_scores_do_not_vary_has_no_weight_in_z_scores():
    known = measured(images())
    known.covariance["raw"][:] = 0
    assert scores(query(), "z-score", TableTower(), None).any()
    still = score(plan_of(query(), "z-score", TableTower(), calibration=known), images())
    assert not still.any()


def test_what_is_wanted_and_excluded_at_once_is_not_excluded():
    asked = query(negated=("effusion", "calcification"))
    plan = compile_plan(asked, "subtract", tower=TableTower())
    assert [term.label for term in plan.terms] == ["effusion", "not calcification"]
    assert [(w.code, w.message) for w in plan.warnings] == [
        ("contradiction", "The query both asks for and excludes “effusion”; it is not excluded.")
    ]


@pytest.mark.parametrize("name", HEADLESS)
def test_a_query_whose_only_exclusion_is_a_contradiction_still_compiles(name):
    plan = plan_of(query(negated=("effusion",)), name, TableTower())
    assert {term.mention for term in plan.terms} <= {query().affirmed[0], None}
    assert not any(isinstance(term.response, Repulsion) for term in plan.terms)


@pytest.mark.parametrize(("centred", "warned"), [(False, True), (True, False)])
def test_an_encoder_that_cannot_tell_two_findings_apart_is_named(centred, warned):
    tower = TableTower(spread=0.15)
    mean = np.mean(list(tower.table.values()), axis=0)
    means = Calibration(mean_text=mean, mean_image=images()[0] * np.float32(0.5)) if centred else None
    space = "centred" if centred else "raw"
    plan = compile_plan(query(), "subtract", tower=tower, calibration=means, space=space)
    assert [warning.code for warning in plan.warnings] == ["inseparable"] * warned
    if warned:
        alike = tower["effusion"] @ tower["calcification"]
        assert plan.warnings[0].message == (
            f"The encoder table can hardly tell “effusion” from “calcification” (their texts have cosine "
            f"{alike:.2f}): excluding the one pushes the other away too."
        )


@pytest.mark.parametrize(("lean", "warned"), [(0.35, False), (0.25, True)])
def test_where_the_archive_is_known_its_scores_tell_whether_two_findings_are_one(lean, warned):
    tower, known = TableTower(), measured(images())
    scatter = known.covariance["raw"].astype(float)
    axes = np.linalg.eigh(scatter)[1] / np.sqrt(np.linalg.eigvalsh(scatter))  # scores on them: uncorrelated
    tower.table[tower.card.template.format("effusion")] = unit(axes[:, 0]).astype(np.float32)
    near = unit(axes[:, 0] + lean * axes[:, 1])
    tower.table[tower.card.template.format("calcification")] = near.astype(np.float32)
    together = 1 / math.sqrt(1 + lean**2)
    seen = np.corrcoef((images() @ np.stack([tower["effusion"], near], axis=1)).T)[0, 1]
    assert seen == pytest.approx(together, abs=1e-3)
    plan = plan_of(query(), "subtract", tower)
    assert [warning.code for warning in plan.warnings] == ["inseparable"] * warned
    if warned:
        assert "(their scores over this archive have correlation 0.97)" in plan.warnings[0].message


def test_an_excluded_parent_excludes_each_of_its_kinds():
    tower = TableTower()
    plan = plan_of(query(), "subtract", tower, expand=kinds("granuloma"))
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
        plan = plan_of(query(), "subtract", tower, expand=kinds("granuloma"))
        assert [term.response for term in plan.terms[1:]] == [Repulsion(weight=weight)] * 2


def families(**children):
    """An expansion of every mention to itself and these kinds of it."""
    return lambda mention: tuple(
        Kind(text=text, finding=text) for text in (mention.text, *children.get(mention.text, ()))
    )


def test_a_wanted_parent_is_met_by_any_of_its_kinds():
    tower = TableTower()
    got = scores(query(), "affirmed-only", tower, expand=families(effusion=["edema"]))
    np.testing.assert_allclose(got, images() @ unit(tower["effusion"] + tower["edema"]), atol=1e-6)


def test_a_kind_that_is_wanted_itself_is_not_excluded_with_its_parent():
    family = families(calcification=["granuloma", "edema"], granuloma=["edema"])
    plan = plan_of(query(("granuloma",)), "subtract", TableTower(), expand=family)
    assert [term.label for term in plan.terms] == ["granuloma", "not calcification"]


def test_a_kind_that_is_excluded_itself_is_not_wanted_with_its_parent():
    tower = TableTower()
    family = families(effusion=["calcification", "edema"])
    plan = plan_of(query(), "subtract", tower, expand=family)
    assert [term.label for term in plan.terms] == ["effusion", "not calcification"]
    np.testing.assert_allclose(plan.terms[0].direction, unit(tower["effusion"] + tower["edema"]), atol=1e-6)


def test_what_is_a_kind_of_both_is_excluded():
    tower = TableTower()
    family = families(effusion=["granuloma"], calcification=["granuloma"])
    plan = plan_of(query(), "subtract", tower, expand=family)
    assert [term.label for term in plan.terms] == ["effusion", "not calcification", "not granuloma"]
    np.testing.assert_allclose(plan.terms[0].direction, tower["effusion"], atol=1e-6)


@pytest.mark.parametrize("name", ["subtract", "z-score", "paired", "log-odds", "projection", "rotate"])
def test_neither_the_wording_of_a_negation_nor_what_is_uncertain_changes_these_methods(name):
    tower = TableTower()
    plain = scores(query(), name, tower)
    assert scores(query(strength="weak"), name, tower).tolist() == plain.tolist()
    open_question = Mention(text="edema", polarity="uncertain", reason="history")
    assert scores(replace(query(), uncertain=(open_question,)), name, tower).tolist() == plain.tolist()


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(
        UnknownName, match="unknown method 'magic'; choose one of: affirmed-only, cosine, drc"
    ):
        compile_plan(query(), "magic", tower=TableTower())


def test_an_unknown_space_is_refused_with_the_known_ones():
    with pytest.raises(UnknownName, match="unknown space 'white'; choose one of: raw, centred"):
        compile_plan(query(), "subtract", tower=TableTower(), space="white")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("z-score", "the method z-score needs the spread of the archive's scores in the raw space"),
        ("log-odds", "the method log-odds needs the findings' probability curves in the raw space"),
    ],
)
def test_a_method_that_needs_a_calibration_says_how_to_get_one(name, what):
    known = Calibration(mean_text=images()[0], mean_image=images()[1])
    for calibration in (None, known):
        with pytest.raises(
            CalibrationMissing,
            match=f"{what}; measure it once with `medneg calibrate --archive ARCHIVE --encoder table`",
        ):
            compile_plan(query(), name, tower=TableTower(), calibration=calibration)


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
        method("cosine", source="", summary="", needs=())(lambda reading: ())


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_in_one_line_what_it_does_and_costs(name):
    assert 20 <= len(METHODS[name].summary) <= 100
    assert "\n" not in METHODS[name].summary
