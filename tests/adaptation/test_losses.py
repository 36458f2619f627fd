"""Losses of adaptation against slow twins, written from their formulas one query at a time."""

from __future__ import annotations

import math

import pytest
import torch

from medneg.adaptation import losses


def rows(count, seed, width=5):
    drawn = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(drawn, dim=1)


def test_the_proxy_contrastive_loss_is_its_formula():
    queries, proxies = rows(4, 0), rows(4, 1)
    excluded = rows(12, 2).view(4, 3, 5)
    confident = torch.tensor([True, False, True, False])
    got = losses.proxy_contrastive(queries, proxies, excluded, confident, temperature=0.1)
    slow = 0.0
    for q, p, apart in zip(queries, proxies, excluded, strict=True):
        near = math.exp(float(q @ p) / 0.1)
        far = sum(math.exp(float(q @ e) / 0.1) for e in apart) / 3
        slow -= math.log(near / (near + far)) / 4
    assert float(got) == pytest.approx(slow, rel=1e-5)


def test_an_uncertain_query_pushes_and_does_not_pull():
    excluded = rows(3, 2).view(1, 3, 5)
    for sure in (True, False):
        query = rows(1, 0).requires_grad_()
        proxy = rows(1, 1)
        loss = losses.proxy_contrastive(query, proxy, excluded, torch.tensor([sure]), temperature=0.1)
        (gradient,) = torch.autograd.grad(loss, query)
        apart = torch.softmax(excluded[0] @ query[0].detach() / 0.1, dim=0) @ excluded[0]
        share = 1 - math.exp(-loss.item())
        expected = (apart - sure * proxy[0]) / 0.1 * share
        torch.testing.assert_close(gradient[0], expected, rtol=1e-4, atol=1e-5)


def test_tcrs_loss_is_its_formula():
    queries, matches = rows(6, 3), rows(6, 4)
    most, gap = torch.tensor(1.2), torch.tensor(0.3)
    got = losses.tcr(queries, matches, most=most, gap=gap)
    entropy = []
    for q in queries:
        odds = [math.exp(float(q @ g) / 0.02) for g in matches]
        entropy.append(-sum(o / sum(odds) * math.log(max(o / sum(odds), 1e-45)) for o in odds))
    kept = [max(1 - h / (1.2 + 1e-3), 0) * h for h in entropy if h <= 1.2]
    centre, middle = queries.mean(dim=0), matches.mean(dim=0)
    spread = sum(math.exp(-0.1 * float((q - centre).norm())) for q in queries) / 6
    slow = sum(kept) / len(kept) + spread + (float((middle - centre).norm()) - 0.3) ** 2
    assert float(got) == pytest.approx(slow, rel=1e-4)


def test_without_a_reliable_query_tcr_has_its_other_two_parts():
    queries, matches = rows(6, 3), rows(6, 4)
    parts = losses.tcr(queries, matches, most=torch.tensor(-1.0), gap=torch.tensor(0.0))
    centre = queries.mean(dim=0)
    slow = torch.exp(-(queries - centre).norm(dim=1) / 10).mean() + (matches.mean(dim=0) - centre).norm() ** 2
    torch.testing.assert_close(parts, slow)


def test_neats_loss_is_its_formula():
    t, p, v, found = (rows(5, seed) for seed in (5, 6, 7, 8))
    got = losses.neat(t, p, v, found)
    entropy = 0.0
    for g in found:
        odds = [math.exp(float(each @ g) / 0.03) for each in t]
        entropy -= sum(o / sum(odds) * math.log(max(o / sum(odds), 1e-45)) for o in odds) / 5
    margin = sum(
        max(max(0.0, float(v[i] @ found[i] - v[i] @ found[j])) for j in range(5) if j != i) / 0.07 / 5
        for i in range(5)
    )
    near = 5 * sum(float((a - b).norm()) for a, b in zip(t, p, strict=True)) / 5
    far = sum(2 - float((a - b).norm()) for a, b in zip(t, v, strict=True)) / 5
    assert float(got) == pytest.approx(entropy + margin + near + far, rel=1e-4)
