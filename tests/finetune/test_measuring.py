"""Listening to a text tower: every carrier is asked, and a tower that knows the answers gets full marks."""

from __future__ import annotations

import numpy as np

from finetune.embedded import Embedded
from finetune.measuring import listen
from medneg.evaluation.truth import Truth
from medneg.query.lexicon import lexicon

FINDINGS = ("pleural_effusion", "pneumothorax")
NAMES = [lexicon().finding(finding).prompt for finding in FINDINGS]


def gallery() -> Embedded:
    """Images whose axes say what they show, half as many again in every cell."""
    present = np.array([[a, b] for a in (True, False) for b in (True, False)] * 15)
    vectors = ((2 * present - 1) / np.sqrt(2)).astype(np.float32)
    truth = Truth(findings=FINDINGS, present=present, absent=~present, patients=np.arange(60))
    return Embedded(vectors=vectors, truth=truth, concepts=FINDINGS)


def by_name(texts) -> np.ndarray:
    """A tower that hears findings and no negation: what is named is wanted."""
    return np.array([[float(name in text) for name in NAMES] for text in texts], np.float32)


def test_a_tower_that_is_deaf_to_no_finds_what_is_excluded():
    heard = listen(gallery(), by_name)
    of = {kind: [row for row in heard if row.kind == kind] for kind in ("X", "no X", "A but no B")}
    assert {row.precision for row in of["X"]} == {1.0}
    assert {row.precision for row in of["no X"]} == {0.0}
    assert {(row.precision, row.violation) for row in of["A but no B"]} == {(0.0, 1.0)}


def test_every_set_of_wordings_is_asked():
    heard = listen(gallery(), by_name)
    sets = {(row.wordings, row.kind) for row in heard}
    pairs = {f"{name}, {wording}" for name in ("benchmark", "CON2") for wording in ("structured", "natural")}
    ours = {"listed", "composed", "validation", "fresh"}
    assert {wordings for wordings, _ in sets} == {*ours, *pairs}
    assert len([row for row in heard if row.wordings.startswith("CON2")]) == 99


def test_what_the_images_cannot_answer_is_no_number():
    few = gallery().rows(np.arange(4))
    heard = listen(few, by_name)
    assert all(np.isnan(row.precision) for row in heard)
