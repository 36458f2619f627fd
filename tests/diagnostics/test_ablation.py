"""Silencing heads one at a time, beside matrices whose columns are zeroed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medneg import encoders
from medneg.diagnostics.ablation import HeadAblation, ablate_heads
from medneg.diagnostics.attribution import between
from medneg.errors import EncoderError

YES, NO = ["pleural effusion", "a rib fracture"], ["no pleural effusion", "no rib fracture"]


@pytest.fixture(scope="module")
def phantom():
    return encoders.load("phantom")


def test_each_head_carries_what_the_difference_loses_without_it(phantom):
    target = between(phantom, "pleural effusion", "no pleural effusion")
    found = ablate_heads(phantom, YES, NO, target)
    assert found.carried.shape == (2, 4, 4)

    def difference():
        return (phantom.encode_texts(YES) - phantom.encode_texts(NO)) @ target

    whole = difference()
    assert found.difference == pytest.approx(whole, abs=1e-5)
    weight = phantom.towers.attention[2].module.out_proj.weight
    width = weight.shape[1] // 4
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[:, width : 2 * width] = 0
    try:
        assert found.carried[:, 2, 1] == pytest.approx(whole - difference(), abs=1e-5)
    finally:
        with torch.no_grad():
            weight.copy_(kept)


def test_shares_are_of_the_mean_difference():
    found = HeadAblation(
        difference=np.array([0.5, 0.3], np.float32),
        carried=np.array([[[0.1, 0.4]], [[0.1, 0.0]]], np.float32),
    )
    assert found.shares == pytest.approx(np.array([[0.25, 0.5]]))


def test_sentences_come_in_pairs(phantom):
    with pytest.raises(ValueError, match="2 affirming sentences do not pair with 1 denying ones"):
        ablate_heads(phantom, YES, NO[:1], np.ones(256, np.float32))


def test_a_tower_whose_heads_are_not_known_is_refused(linear):
    with pytest.raises(EncoderError, match="the heads in the text tower of linear cannot be told apart"):
        ablate_heads(linear.encoder, YES, NO, linear.target)
