"""Losses of the phantom model. Every truth is known, so every pair of picture and caption is judged."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, softplus


def contrastive(images: Tensor, texts: Tensor, true: Tensor, scale: Tensor) -> Tensor:
    """InfoNCE with several positives: cross-entropy to the uniform distribution over all true partners.

    With a diagonal ``true`` it is CLIP's loss (Radford et al. 2021, figure 3); several positives as in
    SupCon (Khosla et al. 2020, equation 2).

    Args:
        images, texts: unit rows, (n, d) and (t, d).
        true: bool (n, t), whether the caption is true of the picture; every row and column has one.
        scale: the inverse temperature.
    """
    logits = scale * images @ texts.T  # n t
    wanted = true.float()
    by_image = -(wanted / wanted.sum(1, keepdim=True) * log_softmax(logits, dim=1)).sum(1).mean()
    by_text = -(wanted / wanted.sum(0, keepdim=True) * log_softmax(logits, dim=0)).sum(0).mean()
    return (by_image + by_text) / 2


def presence(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of logits against bool, of one shape."""
    return binary_cross_entropy_with_logits(logits, labels.float())


def any_cell(cells: Tensor, labels: Tensor) -> Tensor:
    """A picture shows a finding when at least one of its cells does (noisy or).

    P(absent) is the product over cells of 1 - sigmoid(z), so its logarithm is minus the sum of softplus(z).

    Args:
        cells: logits, (n, findings, rows, columns).
        labels: bool, (n, findings).
    """
    nothing = softplus(cells.float()).sum((2, 3)).clamp(1e-4, 30)  # -log P(absent), n f
    shown = -torch.log(-torch.expm1(-nothing))
    return torch.where(labels, shown, nothing).mean()


def places(cells: Tensor, located: Tensor, marked: Tensor) -> Tensor:
    """Per cell, whether it shows the one finding of each picture whose place is known.

    Args:
        cells: logits, (n, findings, rows, columns).
        located: index of the finding, or -1; (n,).
        marked: bool, (n, rows, columns).
    """
    rows = torch.nonzero(located >= 0).flatten()
    if len(rows) == 0:
        return cells.sum() * 0.0
    chosen = cells.float()[rows, located[rows]]  # m rows columns
    wanted = marked[rows].float()
    loss = binary_cross_entropy_with_logits(chosen, wanted, reduction="none")
    return (loss.sum((1, 2)) / wanted.sum((1, 2)).clamp(min=1)).mean()
