"""ExclMM's losses, numbered as in the paper (Jha, Bhatia and Bedathur)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def reconstruction(rebuilt: Tensor, given: Tensor) -> Tensor:
    """Mean over rows of ‖x' − x‖², eq. 2 and 13; shapes (n, k)."""
    return (rebuilt - given).square().sum(1).mean()


def average_sparsity(codes: Tensor, density: float) -> Tensor:
    """Σ over units of max(0, ρ − ρ*)², eq. 3, with ρ a unit's mean activation over the words (v, d)."""
    return (codes.mean(0) - density).clamp(min=0).square().sum()


def partial_sparsity(codes: Tensor) -> Tensor:
    """Mean over words (v, d) of Σ z(1 − z), eq. 4: smallest where every activation is 0 or 1."""
    return (codes * (1 - codes)).sum(1).mean()


def contrast(
    queries: Tensor,
    images: Tensor,
    *,
    temperature: float,
    fits: Tensor | None = None,
    more: Tensor | None = None,
) -> Tensor:
    """Symmetric softmax contrast of unit rows, eq. 12 and 15.

    Args:
        queries, images: shape (n, d); row a of one belongs to row a of the other.
        temperature: τ.
        fits: bool (n, n + m), whether an image answers a query whether or not it is its own; other such pairs
            are not pushed apart. None for the paper's form, in which only the diagonal is right.
        more: further images, (m, d), for queries to be told from; None for the paper's form.
    """
    every = images if more is None else torch.cat([images, more])
    logits = queries @ every.T / temperature
    if fits is not None:
        own = torch.eye(len(queries), len(every), dtype=torch.bool)
        logits = logits.masked_fill(fits & ~own, -torch.inf)
    right = torch.arange(len(queries))
    return (cross_entropy(logits, right) + cross_entropy(logits[:, : len(images)].T, right)) / 2


def triplet(positive: Tensor, exclusion: Tensor, images: Tensor, *, margin: float) -> Tensor:
    """Mean of max(0, d(ip, cp) − d(ip, cx) + m) with d the cosine distance, eq. 16.

    Args:
        positive, exclusion: refined codes of the positive and the exclusion queries, shape (n, d).
        images: codes of the positive images: they show what the positive query asks for and the exclusion
            query excludes.
        margin: m.
    """
    shown = normalize(images, dim=1)
    nearer = 1 - (shown * normalize(positive, dim=1)).sum(1)
    farther = 1 - (shown * normalize(exclusion, dim=1)).sum(1)
    return (nearer - farther + margin).clamp(min=0).mean()
