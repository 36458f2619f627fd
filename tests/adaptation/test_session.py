"""Sessions: what they learn stays in them, is bounded, and can be forgotten."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from medneg import encoders
from medneg.adaptation import RECIPES, Recipe, Session
from medneg.compiling import make_plan
from medneg.encoders.layer_norms import encode_with, own_norms, text_norms
from medneg.errors import EncoderError, UnknownName
from medneg.query import parse, refine
from medneg.scoring.plan import score
from tests.fake_encoder import FakeEncoder

WORDS = (
    "efusion but no edema",
    "cardiomegly",
    "chest x-ray showing pnuemothorax",
    "no pacemaker",
    "lung mass",
)
TEXTS = ("chest x-ray showing pleural effusion", "no pneumothorax")
HOWS = ("reex", "tcr", "neat")


@pytest.fixture(scope="module")
def encoder():
    return encoders.load("phantom")


@pytest.fixture(scope="module")
def images(encoder):
    rows = np.random.default_rng(0).standard_normal((300, encoder.card.width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def batch():
    return [refine(parse(words)) for words in WORDS]


@pytest.mark.parametrize("how", HOWS)
def test_nothing_leaks_out_of_a_session(encoder, images, how):
    weights = {name: tensor.clone() for name, tensor in encoder.towers.text_state.items()}
    before = encoder.encode_texts(TEXTS)
    one = Session(encoder, images, how=how, recipe=Recipe(part=RECIPES[how].part, rate=0.05))
    other = Session(encoder, images, how=how)
    tower = one.learn(batch())
    assert (tower.encode_texts(TEXTS) != before).any()
    assert (encoder.encode_texts(TEXTS) == before).all()
    assert (
        other.tower.encode_texts(TEXTS) == Session(encoder, images, how=how).tower.encode_texts(TEXTS)
    ).all()
    for name, tensor in encoder.towers.text_state.items():
        assert (tensor == weights[name]).all()
    assert all(not norm._forward_hooks for norm in text_norms(encoder.towers).values())
    assert all(each.grad is None for each in encoder.towers.module.parameters())


@pytest.mark.parametrize("how", HOWS)
def test_a_session_that_has_learned_nothing_answers_as_the_encoder(encoder, images, how):
    tower = Session(encoder, images, how=how).tower
    np.testing.assert_allclose(tower.encode_texts(TEXTS), encoder.encode_texts(TEXTS), rtol=0, atol=1e-6)


@pytest.mark.parametrize("how", HOWS)
def test_resetting_forgets_everything(encoder, images, how):
    session = Session(encoder, images, how=how, recipe=Recipe(part=RECIPES[how].part, rate=0.05))
    first = session.learn(batch()).encode_texts(TEXTS)
    session.learn(batch())
    assert session.learned == 2 * len(WORDS)
    session.reset()
    assert session.learned == 0
    np.testing.assert_allclose(
        session.tower.encode_texts(TEXTS), encoder.encode_texts(TEXTS), rtol=0, atol=1e-6
    )
    assert (session.learn(batch()).encode_texts(TEXTS) == first).all()


def test_what_is_remembered_of_one_state_is_not_taken_for_another(encoder, images):
    session = Session(encoder, images, recipe=Recipe(part="vector", rate=0.5))
    query = parse("cardiomegaly")
    scores = [score(make_plan(query, encoder, None, method="reex", space="raw"), images)]
    for _ in range(2):
        tower = session.learn(batch())
        assert tower.card.text_fingerprint.startswith(encoder.card.text_fingerprint + "+")
        scores.append(score(make_plan(query, tower, None, method="reex", space="raw"), images))
    scores.append(score(make_plan(query, encoder, None, method="reex", space="raw"), images))
    assert (scores[0] == scores[3]).all()
    assert (scores[0] != scores[1]).any()
    assert (scores[1] != scores[2]).any()


def test_a_tower_stays_as_it_was_when_its_session_learns_on(encoder, images):
    session = Session(encoder, images, recipe=Recipe(part="vector", rate=0.5))
    tower = session.learn(batch())
    before = tower.encode_texts(TEXTS)
    session.learn(batch())
    assert (tower.encode_texts(TEXTS) == before).all()


@pytest.mark.parametrize("part", ["vector", "norms"])
def test_a_session_never_moves_farther_than_its_recipe_says(encoder, images, part):
    session = Session(encoder, images, recipe=Recipe(part=part, rate=5.0, farthest=0.01))
    for _ in range(3):
        session.learn(batch())
    moved = [one - start for one, start in zip(session._state, session._adapted.start, strict=True)]
    assert torch.cat([each.flatten() for each in moved]).norm().item() <= 0.01 + 1e-6


def test_a_session_keeps_a_sample_of_the_images(encoder):
    rows = np.random.default_rng(0).standard_normal((2500, encoder.card.width)).astype(np.float32)
    session = Session(encoder, rows / np.linalg.norm(rows, axis=1, keepdims=True))
    assert len(session._images) == 2000


def test_layer_norms_are_those_within_the_layers(encoder):
    names = set(text_norms(encoder.towers))
    assert len(names) == 8
    assert "text.ln_final" not in names
    own = own_norms(encoder.towers)
    with torch.no_grad():
        same = encode_with(encoder.towers, own, TEXTS).numpy()
    np.testing.assert_allclose(same, encoder.encode_texts(TEXTS), rtol=0, atol=1e-6)


def test_other_threads_do_not_see_replaced_layer_norms(encoder):
    norms = {name: (gain * 0, offset) for name, (gain, offset) in own_norms(encoder.towers).items()}
    before, seen = encoder.encode_texts(TEXTS), []
    wrapped = encoder.towers.encode_tokens

    def encode_and_look(ids):
        other = threading.Thread(target=lambda: seen.append(encoder.encode_texts(TEXTS)))
        if not seen:
            seen.append(None)
            other.start()
            other.join()
        return wrapped(ids)

    towers = type(encoder.towers)(
        **{field: getattr(encoder.towers, field) for field in encoder.towers.__dataclass_fields__}
        | {"encode_tokens": encode_and_look}
    )
    with torch.no_grad():
        changed = encode_with(towers, norms, TEXTS).numpy()
    assert (seen[1] == before).all()
    assert np.abs(changed - before).max() > 1e-3


def test_query_vectors_of_any_encoder_can_be_adapted_and_layer_norms_of_ours_alone():
    encoder = FakeEncoder()
    images = np.eye(encoder.card.width, dtype=np.float32)
    session = Session(encoder, images, recipe=Recipe(part="vector", rate=0.5))
    assert (session.learn(batch()).encode_texts(TEXTS) != encoder.encode_texts(TEXTS)).any()
    with pytest.raises(EncoderError, match="no layer norms that can be adapted; adapt the query vectors"):
        Session(encoder, images, how="tcr")


def test_one_query_alone_teaches_tcr_and_neat_nothing(encoder, images):
    for how in ("tcr", "neat"):
        session = Session(encoder, images, how=how)
        start = session.tower.card.text_fingerprint
        assert session.learn(batch()[:1]).card.text_fingerprint == start


def test_bad_arguments_are_refused(encoder, images):
    with pytest.raises(UnknownName, match="unknown way to adapt 'sgd'; choose one of: reex, tcr, neat"):
        Session(encoder, images, how="sgd")
    with pytest.raises(ValueError, match=r"needs image embeddings of shape \(n, 256\); got \(3, 4\)"):
        Session(encoder, np.ones((3, 4), np.float32))
