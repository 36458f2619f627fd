"""The losses of text tuning against slow twins, written out pair by pair from their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize

from finetune.conclip import conclip
from finetune.info_nce import info_nce
from finetune.label_aware import composed, distance, label_aware

SCALE = 7.0


def rows(count: int, seed: int) -> torch.Tensor:
    drawn = torch.randn(count, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return normalize(drawn, dim=1)


def similar(a, b) -> float:
    return SCALE * sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))


def surprise(chosen, candidates) -> float:
    """−log of the share that ``chosen`` has among all candidates' exponentials."""
    return math.log(sum(math.exp(other) for other in candidates)) - chosen


def test_info_nce_is_the_mean_surprise_of_own_partners():
    images, texts = rows(4, 0), rows(4, 1)
    parts = []
    for i in range(4):
        parts.append(surprise(similar(images[i], texts[i]), [similar(images[i], t) for t in texts]))
        parts.append(surprise(similar(texts[i], images[i]), [similar(texts[i], x) for x in images]))
    got = info_nce(images, texts, torch.tensor(SCALE))
    assert float(got) == pytest.approx(sum(parts) / 8, rel=1e-12)


def test_conclip_has_three_terms_over_twice_as_many_candidates():
    images, texts, distractors, opposites = rows(3, 0), rows(3, 1), rows(3, 2), rows(3, 3)
    parts = []
    for i in range(3):
        captions = [similar(images[i], t) for t in (*texts, *opposites)]
        pictures = [similar(texts[i], x) for x in (*images, *distractors)]
        denied = [similar(distractors[i], t) for t in (*opposites, *texts)]
        parts.append(surprise(similar(images[i], texts[i]), captions))
        parts.append(surprise(similar(texts[i], images[i]), pictures))
        parts.append(surprise(similar(distractors[i], opposites[i]), denied))
    got = conclip(images, texts, distractors, opposites, scale=torch.tensor(SCALE))
    assert float(got) == pytest.approx(sum(parts) / 9, rel=1e-12)


def test_label_aware_is_divergence_and_gap_by_prompt_over_the_images_that_are_judged():
    images, texts = rows(6, 0), rows(2, 1)
    true = torch.tensor([[1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0]]).bool()
    false = torch.tensor([[0, 1, 0, 1, 0, 0], [1, 1, 1, 1, 0, 1]]).bool()
    parts = []
    for prompt, partners, rest in zip(texts, true.tolist(), false.tolist(), strict=True):
        logits = [similar(prompt, image) for image in images]
        own = [z for z, mine in zip(logits, partners, strict=True) if mine]
        other = [z for z, is_other in zip(logits, rest, strict=True) if is_other]
        divergence = sum(surprise(z, own + other) - math.log(len(own)) for z in own) / len(own)
        lack = 2.0 - (sum(own) / len(own) - sum(other) / len(other))
        parts.append(divergence + math.log1p(math.exp(lack)))
    got = label_aware(images, texts, true, false, scale=torch.tensor(SCALE))
    assert float(got) == pytest.approx(sum(parts) / 2, rel=1e-12)


def test_label_aware_has_nothing_to_say_when_partners_share_all_and_others_are_far():
    images = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    prompt = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    true = torch.tensor([[True, True, False]])
    got = label_aware(images, prompt, true, ~true, scale=torch.tensor(100.0))
    assert float(got) == pytest.approx(0.0, abs=1e-9)


def test_a_distance_is_one_minus_cosine():
    texts = rows(3, 0)
    assert float(distance(texts, texts)) == pytest.approx(0.0, abs=1e-12)
    assert float(distance(texts, -texts)) == pytest.approx(2.0)


def test_a_sentence_should_be_its_wanted_phrases_less_its_unwanted_ones():
    phrases = rows(3, 0)
    shares = torch.tensor([[1, 0, -1], [0, -1, 0], [1, 1, 0]], dtype=torch.float64)
    for got, row in zip(composed(phrases, shares), shares.tolist(), strict=True):
        summed = [
            sum(share * value for share, value in zip(row, column, strict=True))
            for column in phrases.T.tolist()
        ]
        length = math.sqrt(sum(value * value for value in summed))
        assert got.tolist() == pytest.approx([value / length for value in summed])
