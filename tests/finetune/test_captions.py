"""Captions: what they say, how seldom they deny, and that they are true."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from finetune.captions import NEGATIONS, Claim, caption, shown_by, words_for
from medneg.phantom.sampling import sample_picture
from medneg.phantom.truth import FINDINGS, FindingTruth, Person, Picture, Technique


def picture(*findings: FindingTruth) -> Picture:
    return Picture(
        person=Person(seed=1, sex="F", age=60, habitus=0.0),
        technique=Technique(seed=2, view="PA"),
        findings=findings,
    )


@pytest.fixture(scope="module")
def written():
    rng = np.random.default_rng(0)
    pictures = [sample_picture(11, index, rows=64, columns=64) for index in range(150)]
    return [(shown, caption(shown, rng)) for shown in pictures for _ in range(30)]


def test_hardly_any_caption_denies_something(written):
    words = re.compile(rf"\b({'|'.join((*NEGATIONS, 'not', 'free of', 'negative', 'nor'))})\b", re.I)
    denying = [told.text for _, told in written if words.search(told.text)]
    assert 0 < len(denying) / len(written) < 0.02
    assert all(told.negated == (told.text in denying) for _, told in written)


def test_every_caption_is_true_of_its_picture(written):
    assert all(told.holds(shown) for shown, told in written if not told.negated)


def test_every_finding_is_named_and_by_many_words(written):
    named = Counter(finding for _, told in written for claim in told.claims for finding in claim.findings)
    assert set(named) == set(FINDINGS)
    assert min(named.values()) > 100
    assert len({told.text for _, told in written}) > len(written) / 3


def test_calcification_alone_names_either_kind(written):
    texts = [told for _, told in written if told.text.lower().strip(".") == "calcification"]
    assert texts
    assert {claim.findings for told in texts for claim in told.claims} == {
        frozenset({"calcified_granuloma", "aortic_calcification"})
    }


def test_some_captions_are_bare_words(written):
    bare = [told for _, told in written if told.text.lower().strip(".") in words_for("pleural_effusion")]
    assert len(bare) > 10


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (Claim(findings=frozenset({"pleural_effusion"})), True),
        (Claim(findings=frozenset({"pleural_effusion"}), side="left"), True),
        (Claim(findings=frozenset({"pleural_effusion"}), side="bilateral"), True),
        (Claim(findings=frozenset({"lung_nodule"}), side="left"), False),
        (Claim(findings=frozenset({"lung_nodule"}), side="right", place="upper"), True),
        (Claim(findings=frozenset({"lung_nodule"}), size="large"), False),
        (Claim(findings=frozenset({"pneumothorax", "lung_nodule"})), True),
    ],
)
def test_a_claim_is_judged_with_side_size_and_place(claim, holds):
    shown = picture(
        FindingTruth(finding="pleural_effusion", seed=1, side="bilateral"),
        FindingTruth(finding="lung_nodule", seed=2, side="right", size="small", place="upper"),
    )
    assert claim.holds(shown) is holds


def test_a_normal_caption_holds_of_normal_pictures_only():
    rng = np.random.default_rng(3)
    told = next(c for c in (caption(picture(), rng) for _ in range(50)) if c.normal and not c.negated)
    assert told.holds(picture())
    assert not told.holds(picture(FindingTruth(finding="pacemaker", seed=1)))


def test_wider_words_cover_their_kinds():
    assert shown_by("support_device") == {"pacemaker", "endotracheal_tube", "central_venous_catheter"}
    assert shown_by("pleural_effusion") == {"pleural_effusion"}
