"""Losses against slow twins written from their definitions."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import cross_entropy, normalize

from finetune.losses import any_cell, contrastive, places, presence


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_with_one_partner_each_it_is_clips_loss():
    images, texts = normalize(draw(6, 4), dim=1), normalize(draw(6, 5)[:, :4], dim=1)
    logits, own = 7.0 * images @ texts.T, torch.arange(6)
    want = (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2
    got = contrastive(images, texts, torch.eye(6, dtype=torch.bool), torch.tensor(7.0))
    torch.testing.assert_close(got, want)


def test_several_partners_share_the_target_evenly():
    images, texts = normalize(draw(3, 4), dim=1), normalize(draw(2, 4), dim=1)
    true = torch.tensor([[True, False], [True, True], [False, True]])
    scores = (5.0 * images @ texts.T).tolist()

    def log_share(row, column, of):
        return scores[row][column] - math.log(sum(math.exp(scores[r][c]) for r, c in of))

    by_image = [
        -sum(log_share(r, c, [(r, 0), (r, 1)]) for c in range(2) if true[r, c]) / int(true[r].sum())
        for r in range(3)
    ]
    by_text = [
        -sum(log_share(r, c, [(0, c), (1, c), (2, c)]) for r in range(3) if true[r, c])
        / int(true[:, c].sum())
        for c in range(2)
    ]
    want = (sum(by_image) / 3 + sum(by_text) / 2) / 2
    got = contrastive(images, texts, true, torch.tensor(5.0))
    torch.testing.assert_close(got, torch.tensor(want))


def test_any_cell_is_the_noisy_or():
    cells, labels = draw(2, 3, 2, 2), torch.tensor([[True, False, True], [False, False, True]])
    absent = (1 - torch.sigmoid(cells)).flatten(2).prod(dim=2)
    want = -torch.where(labels, (1 - absent).log(), absent.log()).mean()
    torch.testing.assert_close(any_cell(cells, labels), want)


def test_places_judge_the_located_finding_alone():
    cells = torch.zeros(2, 3, 2, 2)
    marked = torch.tensor([[[True, False], [False, False]], [[False] * 2] * 2])
    located = torch.tensor([1, -1])
    # four cells at probability one half, shared by the one marked cell
    torch.testing.assert_close(places(cells, located, marked), torch.tensor(4 * math.log(2)))
    assert float(places(cells, torch.tensor([-1, -1]), marked)) == 0.0


def test_presence_of_even_odds_costs_log_two():
    shown = torch.ones(2, 3, dtype=torch.bool)
    torch.testing.assert_close(presence(torch.zeros(2, 3), shown), torch.tensor(math.log(2)))
