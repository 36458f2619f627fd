"""Label-aware contrast: every image whose labels satisfy a prompt is one of its partners.

Ours. Labels say of every image in a batch whether a prompt ("effusion but no calcification") is true of it,
so no true pair is pushed apart, and images that differ from a partner in the negated finding alone are
what the prompt has to be told from.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softplus

MARGIN = 2.0
"""How far, in logits, the mean partner should lie above the mean other image."""


def label_aware(images: Tensor, texts: Tensor, true: Tensor, false: Tensor, *, scale: Tensor) -> Tensor:
    """Divergence from the even distribution over a prompt's partners, and a softplus of what the gap lacks.

    L = mean over prompts of −Σᵢ qᵢ log pᵢ + Σᵢ qᵢ log qᵢ + softplus(m − (mean partner − mean other)), with
    p the softmax over the images that are judged and qᵢ = 1/|partners|: the multi-positive target of SupCon
    (Khosla et al. 2020, equation 2), read from text to image only, for the image tower stands still.

    Args:
        images: unit rows, (n, d).
        texts: unit rows, (t, d).
        true, false: bool (t, n), whether the prompt is true of the image, or false; where neither is known
            the image does not count. Each prompt has at least one of both.
        scale: the inverse temperature.

    Returns:
        A scalar, at least 0.
    """
    logits = scale * texts @ images.T  # t n
    judged = logits.masked_fill(~(true | false), -torch.inf)
    wanted, other = true.to(logits.dtype), false.to(logits.dtype)
    partners, others = wanted / wanted.sum(1, keepdim=True), other / other.sum(1, keepdim=True)
    log_share = log_softmax(judged, dim=1).masked_fill(~true, 0.0)
    divergence = -(partners * log_share).sum(1) - wanted.sum(1).log()
    gap = (logits * (partners - others)).sum(1)
    return (divergence + softplus(MARGIN - gap)).mean()


def distance_to_base(texts: Tensor, base: Tensor) -> Tensor:
    """Mean of 1 − cosine between prompts and what the frozen base makes of them, unit rows (t, d).

    Asked of prompts that deny nothing, it keeps what the base knows where it is.
    """
    return (1 - (texts * base).sum(1)).mean()
