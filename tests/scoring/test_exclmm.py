"""ExclMM's plans against slow twins, with an untrained head: whose code counts how, and who explains it."""

from __future__ import annotations

import numpy as np
import pytest

from medneg.errors import HeadMissing, UnknownName
from medneg.scoring import METHODS, Calibration, Kind, compile_plan
from medneg.scoring.plan import contributions, score
from medneg.values import Linear, Mention, Query
from tests.fake_encoder import FakeEncoder
from tests.toy_head import toy_head

TOWER = FakeEncoder()
HEAD = toy_head(TOWER.card, code=40, kept=12)
IN_CODES = [name for name, each in METHODS.items() if each.needs_head]


def wanted(text):
    return Mention(text=text, polarity="affirmed", finding=text)


def unwanted(text):
    return Mention(text=text, polarity="negated", strength="strong", finding=text)


def query(affirmed=("effusion",), negated=("calcification",)):
    return Query(
        raw=" ".join((*affirmed, *(f"no {text}" for text in negated))) or "nothing",
        affirmed=tuple(map(wanted, affirmed)),
        negated=tuple(map(unwanted, negated)),
        counterfactuals=tuple(f"{' and '.join(affirmed)} and {text}" for text in negated),
    )


def code(*texts):
    return HEAD.encode_texts(TOWER.encode_texts(list(texts))).astype(np.float64)


def unit(vector):
    return vector / np.linalg.norm(vector)


def codes_of_images():
    rows = np.random.default_rng(3).standard_normal((20, TOWER.card.width))
    return HEAD.encode_images((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


def plan_of(asked, name="exclmm", **more):
    return compile_plan(asked, name, tower=TOWER, head=HEAD, **more)


def scores(asked, name="exclmm", **more):
    return score(plan_of(asked, name, **more), codes_of_images())


@pytest.mark.parametrize("negated", [("calcification",), ("calcification", "edema")], ids=len)
@pytest.mark.parametrize("affirmed", [("effusion",), ("effusion", "pneumothorax")], ids=len)
def test_exclmm_keeps_of_what_is_wanted_and_takes_what_is_not(affirmed, negated):
    w, n = unit(code(*affirmed).sum(axis=0)), code(*negated).sum(axis=0)
    keep, take = HEAD.weigh(w.astype(np.float32), n.astype(np.float32))
    want = [image @ (keep * w - take * n) for image in codes_of_images().astype(np.float64)]
    np.testing.assert_allclose(scores(query(affirmed, negated)), want, atol=1e-5)


def test_suppressing_switches_off_every_dimension_of_what_is_not_wanted():
    w, n, m = code("effusion", "edema", "device")
    left = np.array([a if b == 0 and c == 0 else 0.0 for a, b, c in zip(w, n, m, strict=True)])
    assert 0 < np.count_nonzero(left) < np.count_nonzero(w)
    got = scores(query(negated=("edema", "device")), "exclmm-suppress")
    np.testing.assert_allclose(got, codes_of_images() @ unit(left), atol=1e-6)


def test_where_suppressing_leaves_nothing_the_wanted_code_stays():
    (twins,) = {tuple(map(tuple, code(text))) for text in ("effusion", "Effusion")}  # the tower ignores case
    got = scores(query(negated=("Effusion",)), "exclmm-suppress")
    np.testing.assert_allclose(got, codes_of_images() @ twins[0], atol=1e-6)


def test_the_papers_form_hears_nothing_but_the_sentence():
    asked = query()
    refined = HEAD.refine(code(asked.raw)[0].astype(np.float32))
    np.testing.assert_allclose(scores(asked, "exclmm-sentence"), codes_of_images() @ refined, atol=1e-6)
    assert [term.mention for term in plan_of(asked, "exclmm-sentence").terms] == [None]


@pytest.mark.parametrize("name", ["exclmm", "exclmm-suppress"])
def test_every_term_belongs_to_a_mention_and_together_they_are_the_score(name):
    asked = query(("effusion", "pneumothorax"), ("calcification", "edema"))
    plan = plan_of(asked, name)
    parts = contributions(plan, codes_of_images())
    np.testing.assert_allclose(parts.sum(axis=1), score(plan, codes_of_images()), atol=1e-12)
    assert {term.mention for term in plan.terms} <= {*asked.affirmed, *asked.negated}
    assert all(isinstance(term.response, Linear) for term in plan.terms)


@pytest.mark.parametrize("name", ["exclmm", "exclmm-suppress"])
def test_with_nothing_wanted_the_opposite_of_what_is_not_wanted_comes_first(name):
    n = code("calcification", "edema").sum(axis=0)
    asked = query(affirmed=(), negated=("calcification", "edema"))
    np.testing.assert_allclose(scores(asked, name), -(codes_of_images() @ n), atol=1e-6)


@pytest.mark.parametrize("name", ["exclmm", "exclmm-suppress"])
def test_kinds_of_what_is_not_wanted_count_too(name):
    def kinds(mention):
        return [
            Kind(text=text)
            for text in {"calcification": ("calcification", "granuloma")}.get(mention.text, (mention.text,))
        ]

    alone, with_kinds = scores(query(), name), scores(query(), name, expand=kinds)
    assert not np.allclose(alone, with_kinds)


@pytest.mark.parametrize("name", IN_CODES)
def test_the_plan_belongs_to_the_space_of_the_codes(name):
    plan = plan_of(query(), name)
    assert plan.space.image_fingerprint == HEAD.code_fingerprint
    assert plan.space.mean is None
    assert plan.width == HEAD.width


@pytest.mark.parametrize("name", IN_CODES)
def test_a_query_without_negation_is_plain_cosine_of_the_embeddings(name):
    plan = plan_of(query(negated=()), name)
    assert plan.space.image_fingerprint == TOWER.card.image_fingerprint
    assert np.array_equal(plan.terms[0].direction, TOWER.encode_texts(["effusion"])[0])


@pytest.mark.parametrize("name", ["exclmm", "exclmm-suppress"])
def test_a_query_whose_only_exclusion_is_a_contradiction_is_what_it_wants(name):
    got = scores(query(negated=("effusion",)), name)
    np.testing.assert_allclose(got, codes_of_images() @ code("effusion")[0], atol=1e-6)


@pytest.mark.parametrize("name", IN_CODES)
def test_without_a_head_the_error_says_how_to_come_by_one(name):
    with pytest.raises(
        HeadMissing, match=f"the method {name} needs a head that stands behind fake; train one"
    ):
        compile_plan(query(), name, tower=TOWER)


@pytest.mark.parametrize("name", IN_CODES)
def test_codes_are_not_centred(name):
    means = Calibration(mean_text=np.zeros(16, np.float32), mean_image=np.zeros(16, np.float32))
    with pytest.raises(
        UnknownName, match=f"unknown space of the method {name} 'centred'; choose one of: raw"
    ):
        plan_of(query(), name, space="centred", calibration=means)


@pytest.mark.parametrize("name", IN_CODES)
def test_a_method_says_in_one_line_what_it_does_and_costs(name):
    assert 20 <= len(METHODS[name].summary) <= 100
