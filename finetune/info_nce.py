"""CON1: every caption finds its own image among the batch's, and every image its caption."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def info_nce(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Symmetric InfoNCE (Radford et al. 2021, figure 3), the loss of CON1 (arXiv 2512.17121).

    With two kinds of captions about half of a batch's other pairs are true too and are pushed apart all the
    same; that weakness belongs to the method.

    Args:
        images, texts: unit rows that belong together, (n, d) each.
        scale: the inverse temperature.

    Returns:
        A scalar.
    """
    logits = scale * images @ texts.T  # n n
    own = torch.arange(len(images), device=images.device)
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2
