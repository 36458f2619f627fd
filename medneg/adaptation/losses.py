"""What adapted queries are pulled to and pushed from: one loss for each method, on unit embeddings.

Letters: q queries, shape (b, d); x images; τ a temperature. All of them are means over the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

TCR_TEMPERATURE = 0.02
NEAT_TEMPERATURE = 0.03
NEAT_MARGIN = 0.07


def proxy_contrastive(
    queries: Tensor, proxies: Tensor, excluded: Tensor, confident: Tensor, *, temperature: float
) -> Tensor:
    """ReEx's exclusion-guided proxy contrastive loss; the paper's formula is not public, this is ours.

    With the pseudo-match pᵢ of query i, and Eᵢ its exclusion set of k unlikely candidates,

        Zᵢ = (1/k) Σ_{e in Eᵢ} exp(qᵢ·e/τ),
        ℓᵢ = −log[exp(qᵢ·pᵢ/τ) / (exp(qᵢ·pᵢ/τ) + Zᵢ)]    where i is confident,
        ℓᵢ = −log[exp(sg(qᵢ·pᵢ)/τ) / (exp(sg(qᵢ·pᵢ)/τ) + Zᵢ)]    elsewhere,

    sg stopping the gradient: an uncertain query is not drawn to what it may have mistaken for its match, and
    only pushes away from what it hardly means.

    Args:
        queries: shape (b, d).
        proxies: the pseudo-matches, shape (b, d).
        excluded: exclusion sets, shape (b, k, d).
        confident: bool, shape (b,).
        temperature: τ.
    """
    pull = (queries * proxies).sum(dim=1) / temperature  # b
    pull = torch.where(confident, pull, pull.detach())
    apart = torch.einsum("bd,bkd->bk", queries, excluded) / temperature
    push = torch.logsumexp(apart, dim=1) - torch.log(torch.tensor(float(excluded.shape[1])))
    loss: Tensor = softplus(push - pull).mean()
    return loss


def entropies(queries: Tensor, matches: Tensor, *, temperature: float) -> Tensor:
    """Entropy of softmax(q·g/τ) over the batch's matches, shape (b,)."""
    logs = torch.log_softmax(queries @ matches.T / temperature, dim=1)
    return torch.neg((logs.exp() * logs).sum(dim=1))


def tcr(queries: Tensor, matches: Tensor, *, most: Tensor, gap: Tensor) -> Tensor:
    """TCR's loss (Li et al., ICLR 2025) with the constants of its code.

        L = mean over Hᵢ ≤ Eₘ of max(1 − Hᵢ/(Eₘ + 10⁻³), 0) Hᵢ
          + mean exp(−‖qᵢ − q̄‖/10) + (‖ḡ − q̄‖ − gap)²

    Args:
        queries: shape (b, d).
        matches: the nearest image g of each, shape (b, d).
        most: Eₘ, the largest entropy among the most reliable queries.
        gap: ‖ḡ − q̄‖ of these.
    """
    entropy = entropies(queries, matches, temperature=TCR_TEMPERATURE)
    sure = entropy <= most
    weighted = torch.clamp(1 - entropy / (most + 1e-3), min=0) * entropy
    centre = queries.mean(dim=0)
    spread = torch.exp(-(queries - centre).norm(dim=1) / 10).mean()
    found = ((matches.mean(dim=0) - centre).norm() - gap) ** 2
    reliable = weighted[sure].mean() if sure.any() else torch.zeros(())
    loss: Tensor = reliable + spread + found
    return loss


def neat(queries: Tensor, wanted: Tensor, inverted: Tensor, matches: Tensor) -> Tensor:
    """NEAT's loss with the constants of its code.

        L = mean entropy over images of softmax over texts of t·G/0.03
          + mean maxⱼ≠ᵢ max(0, vᵢ·Gᵢ − vᵢ·Gⱼ)/0.07 + 5 mean ‖t − p‖ + mean (2 − ‖t − v‖)

    Args:
        queries: t, shape (b, d).
        wanted: p, the part that is wanted, shape (b, d).
        inverted: v, the query with wanted and unwanted exchanged, shape (b, d).
        matches: G, the pseudo-match of each query, shape (b, d).
    """
    entropy = entropies(matches, queries, temperature=NEAT_TEMPERATURE).mean()
    against = inverted @ matches.T  # b b
    own = against.diagonal().unsqueeze(1)
    others = (own - against).clamp(min=0).masked_fill(torch.eye(len(queries), dtype=torch.bool), 0.0)
    margin = others.amax(dim=1).mean() / NEAT_MARGIN
    near = (queries - wanted).norm(dim=1).mean()
    far = (2 - (queries - inverted).norm(dim=1)).mean()
    loss: Tensor = entropy + margin + 5 * near + far
    return loss
