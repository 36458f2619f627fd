"""What a step of label-aware tuning asks of sentences beside the images: parts read once, aims, phrases."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.random import default_rng

from finetune.prompting import FRAMES, write_phrase
from finetune.tuning_steps import Known
from medneg.query.lexicon import lexicon

TEMPLATE = "chest x-ray showing {}"


def test_a_phrase_is_read_once_and_alone():
    asked: list[list[str]] = []

    def base(texts: Sequence[str]) -> torch.Tensor:
        asked.append(list(texts))
        return torch.tensor([[float(len(text)), 0.0] for text in texts])

    known = Known(base)
    assert known.read(["edema", "mass", "edema"]).tolist() == [[5.0, 0.0], [4.0, 0.0], [5.0, 0.0]]
    known.read(["mass", "line"])
    assert asked == [["edema"], ["mass"], ["line"]]


def test_held_phrases_are_bare_half_in_the_encoders_template_and_deny_nothing():
    rng = default_rng(0)
    phrases = [write_phrase(TEMPLATE, rng) for _ in range(400)]
    assert 150 < sum(phrase.startswith("chest x-ray showing ") for phrase in phrases) < 250
    assert not [phrase for phrase in phrases if {"no", "not", "without"} & set(phrase.split())]
    assert all("{" not in phrase for phrase in phrases)
    assert all(frame.count("{}") == 1 for frame in FRAMES)
    assert any(lexicon().finding("pleural_effusion").prompt in phrase for phrase in phrases)
