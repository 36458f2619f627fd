"""Integrated gradients of text towers: known answers, captum's own layer method, every family of towers."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients

from medneg import encoders
from medneg.diagnostics.attribution import attribute, baselines, between, towards, words_of
from medneg.errors import EncoderError, UnknownName
from tests.fake_encoder import FakeEncoder

SENTENCE = "no evidence of effusion"


def scores(linear, sentence=SENTENCE, **options):
    (found,) = attribute(linear.encoder, [sentence], linear.target, **options)
    return {word.text: word.score * linear.scale for word in found.words}, found


def test_a_linear_tower_gives_its_weights_back(linear):
    found, whole = scores(linear, baseline="unknown")
    assert found == pytest.approx({"no": -4, "evidence": 0.75, "of": 0, "effusion": 3}, abs=1e-4)
    assert whole.gap < 1e-3
    assert whole.points == 8


def test_a_padding_baseline_takes_the_paddings_weight_off_every_token(linear):
    found, _ = scores(linear, baseline="padding")
    assert found == pytest.approx({"no": -4.5, "evidence": -0.25, "of": -0.5, "effusion": 2}, abs=1e-4)


def test_a_baseline_of_zeros_keeps_the_marks_of_beginning_and_end(linear):
    found, whole = scores(linear, baseline="zero")
    assert found == pytest.approx({"no": -4, "evidence": 0.75, "of": 0, "effusion": 3}, abs=1e-4)
    assert whole.baseline_score * linear.scale == pytest.approx(16, rel=1e-4)


def test_a_masked_cue_gives_scores_to_the_cue_alone(linear):
    found, whole = scores(linear, baseline="cue")
    assert found == pytest.approx({"no": -4, "evidence": 0.75, "of": 0, "effusion": 0}, abs=1e-4)
    assert whole.share("cue") == 1


def test_shares_are_of_absolute_scores(linear):
    _, whole = scores(linear, baseline="unknown")
    assert whole.share("cue") == pytest.approx(4.75 / 7.75, rel=1e-4)
    assert whole.share("finding") == pytest.approx(3 / 7.75, rel=1e-4)
    assert whole.share("rest") == 0


def test_shares_of_nothing_are_not_defined(linear):
    _, whole = scores(linear, "of", baseline="unknown")
    assert math.isnan(whole.share("cue"))
    assert whole.gap == 0


def test_words_beyond_the_context_have_no_score(linear):
    _, whole = scores(linear, "effusion " * 6 + "no no no no", baseline="unknown")
    assert [word.text for word in whole.words] == ["effusion"] * 6 + ["no"] * 4
    assert whole.scores[6:] == pytest.approx([-4e-4, -4e-4, 0, 0], abs=1e-6)


def test_each_sentence_may_have_its_own_target(linear):
    both = attribute(linear.encoder, [SENTENCE] * 2, np.stack([linear.target, -linear.target]))
    assert both[0].scores == pytest.approx([-score for score in both[1].scores], abs=1e-9)


def test_a_target_of_another_length_is_refused(linear):
    with pytest.raises(ValueError, match=r"the target must have shape \(2,\) or \(1, 2\); got \(3,\)"):
        attribute(linear.encoder, [SENTENCE], np.ones(3, np.float32))


def test_an_encoder_that_gives_embeddings_only_is_refused():
    with pytest.raises(EncoderError, match="fake gives embeddings only"):
        attribute(FakeEncoder(), [SENTENCE], np.ones(16, np.float32))


def test_roles_come_from_the_parser():
    found = {word.text: (word.role, word.polarity) for word in words_of("effusion, but without rib fracture")}
    assert found == {
        "effusion": ("finding", "affirmed"),
        ",": ("rest", None),
        "but": ("cue", "negated"),
        "without": ("cue", "negated"),
        "rib": ("finding", "negated"),
        "fracture": ("finding", "negated"),
    }


@pytest.fixture(scope="module")
def phantom():
    return encoders.load("phantom")


@pytest.mark.parametrize("sentence", ["no evidence of pleural effusion", "effusion but no calcification"])
def test_layer_integrated_gradients_of_captum_agree(phantom, sentence):
    towers = phantom.towers
    target = between(phantom, "pleural effusion", "no pleural effusion")
    (found,) = attribute(phantom, [sentence], target, baseline="unknown")

    def cosine(ids):
        told = torch.nn.functional.normalize(towers.encode_tokens(ids), dim=1)
        return told @ torch.from_numpy(target)

    ids = towers.cut(towers.tokenize([sentence]))
    nothing = torch.where(ids > 3, towers.unknown, ids)  # the four first are the special tokens
    twin = LayerIntegratedGradients(cosine, towers.token_embedding).attribute(
        ids, nothing, n_steps=128, internal_batch_size=64
    )
    columns = twin.detach().sum(-1)[0, 1:]
    assert found.score == pytest.approx(cosine(ids).item(), abs=1e-5)
    assert sum(found.scores) == pytest.approx(float(columns.sum()), abs=0.02)
    if sentence.startswith("no"):  # one token a word
        assert found.scores == pytest.approx(columns[: len(found.words)].tolist(), abs=0.02)


def test_gaps_are_small_and_bound_what_is_missing(phantom):
    target = between(phantom, "pleural effusion", "no pleural effusion")
    sentences = ["no pleural effusion", "pneumothorax without rib fracture in this patient"]
    for baseline in baselines(phantom):
        for found in attribute(phantom, sentences, target, baseline=baseline):
            gained = found.score - found.baseline_score
            assert found.complete
            assert abs(sum(found.scores) - gained) <= found.gap * abs(gained) + 1e-6


def test_one_sentence_costs_less_than_a_second(phantom):
    target = between(phantom, "pneumothorax", "no pneumothorax")
    begun = time.process_time()
    attribute(phantom, ["no evidence of pneumothorax in this patient"], target)
    assert time.process_time() - begun < 1 + 2  # captum's import and a busy machine


def test_targets_are_unit_directions(phantom):
    images = np.eye(256, dtype=np.float32)[:4]
    assert np.linalg.norm(towards(images)) == pytest.approx(1)
    assert np.linalg.norm(between(phantom, "effusion", "no effusion")) == pytest.approx(1)


@pytest.mark.parametrize(
    ("writer", "first"),
    [
        ("write_clip", "unknown"),
        ("write_siglip", "unknown"),
        ("write_open_clip", "padding"),
        ("write_open_clip_with_bert", "unknown"),
    ],
)
def test_text_towers_of_every_family_tell_what_they_weigh(tiny, tmp_path, writer, first):
    encoder = encoders.load(f"local:{getattr(tiny, writer)(tmp_path)}")
    target = between(encoder, "heart", "no pneumothorax")
    assert baselines(encoder)[0] == first
    for baseline in baselines(encoder):
        (found,) = attribute(encoder, ["No left effusion"], target, baseline=baseline)
        score = float(encoder.encode_texts(["No left effusion"])[0] @ target)
        assert found.score == pytest.approx(score, abs=1e-5)
        assert found.complete
        assert found.scores[0] != 0


def test_a_baseline_that_the_vocabulary_lacks_is_refused(tiny, tmp_path):
    encoder = encoders.load(f"local:{tiny.write_open_clip(tmp_path)}")
    target = between(encoder, "heart", "no heart")
    with pytest.raises(UnknownName, match=r"unknown baseline for .* 'unknown'; choose one of: padding, zero"):
        attribute(encoder, ["no heart"], target, baseline="unknown")
