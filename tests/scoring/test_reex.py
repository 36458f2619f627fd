"""The method `reex`: repairs fused by confidence, and nothing but the default where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from medneg import encoders
from medneg.compiling import make_plan
from medneg.query import parse, refine
from medneg.scoring import compile_plan
from medneg.scoring.plan import score
from medneg.values import Mention, Query, Repair


@pytest.fixture(scope="module")
def tower():
    return encoders.load("phantom")


@pytest.fixture(scope="module")
def images(tower):
    rows = np.random.default_rng(0).standard_normal((50, tower.card.width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def unit(vector):
    return vector / np.linalg.norm(vector)


def plan_of(words, tower, method):
    return make_plan(parse(words), tower, None, method=method, space="raw")


@pytest.mark.parametrize(
    "words",
    ["effusion", "no pneumothorax", "effusion but no calcification", "edema and mass without a pacemaker"],
)
def test_a_clean_query_scores_as_the_default_does_to_the_last_bit(words, tower, images):
    ours, default = (score(plan_of(words, tower, name), images) for name in ("reex", "subtract"))
    assert (ours == default).all()


def test_without_negation_or_repair_it_is_plain_cosine_to_the_last_bit(tower, images):
    ours, plain = (
        score(plan_of("chest x-ray showing edema", tower, name), images) for name in ("reex", "cosine")
    )
    assert (ours == plain).all()


def test_a_repaired_sentence_is_the_mixture_of_what_was_typed_and_what_was_read(tower, images):
    words = "chest x-ray showing efusion"
    (repair,) = refine(parse(words)).repairs
    typed, read = tower.encode_texts([words, "chest x-ray showing effusion"]).astype(float)
    mixture = unit(repair.confidence * read + (1 - repair.confidence) * typed)
    np.testing.assert_allclose(
        score(plan_of(words, tower, "reex"), images), images @ mixture, rtol=0, atol=1e-6
    )


def test_repaired_mentions_are_mixtures_and_the_others_are_not(tower, images):
    words = "efusion but no edema or pnuemothorax"
    query = refine(parse(words))
    sure = {each.original: each.confidence for each in query.repairs}
    form = tower.card.template.format

    def mixed(typed, read):
        one, other = tower.encode_texts([form(typed), form(read)]).astype(float)
        return unit(sure[typed] * other + (1 - sure[typed]) * one)

    wanted = mixed("efusion", "pleural effusion")
    unwanted = [
        tower.encode_texts([form("pulmonary edema")])[0],
        mixed("pnuemothorax", "pneumothorax"),
    ]
    plan = compile_plan(query, "reex", tower=tower)
    slow = [x @ wanted - sum(max(x @ each, 0.0) for each in unwanted) for x in images.astype(float)]
    np.testing.assert_allclose(score(plan, images), slow, rtol=0, atol=1e-6)


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_a_wrong_repair_counts_no_more_than_it_is_trusted(tower, images, confidence):
    query = Query(
        raw="unicorn sign",
        affirmed=(Mention(text="lung mass", polarity="affirmed", finding="lung_mass", span=(0, 12)),),
        repairs=(Repair(original="unicorn sign", better="lung mass", span=(0, 12), confidence=confidence),),
    )
    (term,) = compile_plan(query, "reex", tower=tower).terms
    typed, read = tower.encode_texts(["unicorn sign", "lung mass"]).astype(float)
    expected = unit(confidence * read + (1 - confidence) * typed)
    np.testing.assert_allclose(term.direction, expected, rtol=0, atol=1e-6)


def test_other_methods_do_not_see_repairs(tower):
    query = refine(parse("efusion"))
    assert query.repairs
    (term,) = compile_plan(query, "subtract", tower=tower).terms
    assert (term.direction == tower.encode_texts(["efusion"])[0]).all()
