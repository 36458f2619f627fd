"""The CON2 paper's protocol, where the answers are known by construction."""

from __future__ import annotations

import json

import numpy as np
import pytest

from medneg.errors import ArchiveError
from medneg.evaluation.asking import Setup
from medneg.evaluation.con2 import con2
from medneg.evaluation.truth import Truth
from tests.evaluation.perfect import FINDINGS, Perfect, gallery

SETUP = Setup(methods=("cosine", "subtract"))


@pytest.fixture(scope="module")
def report():
    images, labels = gallery(400)
    return con2(images, Truth.from_labels(labels, FINDINGS), Perfect(), setup=SETUP)


def row(report, method, group):
    return next(r for r in report.rows if (r.method, r.space, r.group) == (method, "raw", group))


def test_positive_prompts_are_plain_cosine_whatever_the_method(report):
    for group in ("structured positive", "natural positive"):
        assert row(report, "cosine", group).all == row(report, "subtract", group).all
        assert row(report, "subtract", group).papers.value == 1.0


def test_negative_prompts_fail_by_cosine_and_not_by_subtraction(report):
    assert row(report, "cosine", "structured negative").papers.value < 0.05
    assert row(report, "subtract", "structured negative").papers.value > 0.95


def test_every_prompt_is_asked_about_every_finding(report):
    assert set(report.findings) == set(FINDINGS)
    assert row(report, "cosine", "natural negative").papers.n == 24
    assert row(report, "cosine", "natural negative").all.n == 24 * 4
    assert json.loads(json.dumps(report.to_json()))["schema_version"] == 1


def test_a_finding_needs_thirty_five_pictures_of_either_kind():
    images, labels = gallery(400)
    labels = labels & (np.cumsum(labels, axis=0) <= 34)
    with pytest.raises(ArchiveError, match="no finding that 35 pictures show and 35 do not"):
        con2(images, Truth.from_labels(labels, FINDINGS), Perfect(), setup=SETUP)
