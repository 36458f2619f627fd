"""What a mention includes, and where the centred space lies."""

import numpy as np
import pytest

from medneg.compiling import calibrate, expansion
from medneg.query import lexicon
from medneg.scoring import Kind
from medneg.values import Mention
from tests.axis_gallery import KNOWN, AxisEncoder


@pytest.fixture(scope="module")
def encoder():
    return AxisEncoder()


def test_a_mention_stands_for_its_own_words_and_the_kinds_that_the_encoder_knows(encoder):
    calcification = Mention(text="calcification", polarity="affirmed", finding="calcification")
    known = expansion(encoder.card)(calcification)
    assert known[0] == Kind(text="calcification", finding="calcification")
    assert {kind.text for kind in known[1:]} == {"calcified granuloma", "aortic calcification"}
    assert {kind.finding for kind in known[1:]} == {"calcified_granuloma", "aortic_calcification"}
    openly = expansion(AxisEncoder(findings=None).card)(calcification)
    assert len(openly) == 1 + len(lexicon().descendants("calcification"))
    unknown = Mention(text="unicorn horn", polarity="affirmed")
    assert expansion(encoder.card)(unknown) == (Kind(text="unicorn horn"),)


def test_a_kind_brings_its_normal_counterpart(encoder):
    effusion = Mention(text="pleural effusion", polarity="affirmed", finding="pleural_effusion")
    (kind,) = expansion(encoder.card)(effusion)
    assert kind.normal == "sharp costophrenic angles"


def test_kinds_take_over_the_modifiers(encoder):
    left = Mention(
        text="left calcification", polarity="affirmed", finding="calcification", modifiers=("left",)
    )
    assert "left calcified granuloma" in {kind.text for kind in expansion(encoder.card)(left)}


def test_the_mean_text_is_that_of_the_findings_that_the_encoder_knows(encoder):
    phrases = [lexicon().finding(finding).prompt for finding in KNOWN]
    want = encoder.encode_texts([f"film of {phrase}" for phrase in phrases]).mean(axis=0)
    np.testing.assert_allclose(calibrate(encoder, np.zeros(6, np.float32)).mean_text, want, atol=1e-7)
