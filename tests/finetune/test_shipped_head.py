"""The head that ships: whose it is, how big, and that it does what it is there for."""

from __future__ import annotations

import numpy as np

from medneg import encoders
from medneg.encoders.heads import WEIGHTS, find_head, load_head
from medneg.query import parse
from medneg.scoring import compile_plan


def test_the_shipped_head_stands_behind_the_embedded_model_and_is_small():
    card = encoders.load("phantom").card
    head = encoders.head_for(card)
    assert head is not None
    assert (head.card.name, head.card.licence, head.card.notice) == (
        "phantom-exclmm",
        card.licence,
        card.notice,
    )
    assert (find_head("phantom-exclmm") / WEIGHTS).stat().st_size < 10_000_000
    assert load_head("phantom-exclmm", card) is head


def test_its_direction_for_a_without_b_leaves_b():
    encoder = encoders.load("phantom")
    head = encoders.head_for(encoder.card)
    plan = compile_plan(parse("effusion but no pacemaker"), "exclmm", tower=encoder, head=head)
    towards = sum(term.response.weight * term.direction.astype(float) for term in plan.terms)
    texts = encoder.encode_texts([encoder.card.template.format(text) for text in ("effusion", "pacemaker")])
    effusion, pacemaker = head.encode_texts(texts) @ np.asarray(towards)
    assert effusion > 0.3
    assert pacemaker < -0.3
