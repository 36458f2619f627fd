"""Label-aware contrast: every image whose labels satisfy a prompt is one of its partners.

Ours. Labels say of every image in a batch whether a prompt ("effusion but no calcification") is true of it,
so no true pair is pushed apart, and images that differ from a partner in the negated finding alone are
what the prompt has to be told from.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize, softplus

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


def composed(phrases: Tensor, shares: Tensor) -> Tensor:
    """What a sentence should be: its wanted phrases less its unwanted ones, unit rows (t, d).

    t = unit(Σⱼ sⱼ pⱼ), with sⱼ = 1 for what sentence t affirms, −1 for what it denies, 0 for what it does not
    name: vector subtraction, which a parser would have to do (``medneg.scoring.subtract``), done by the
    tower itself.

    Args:
        phrases: what the frozen base makes of each phrase, unit rows (p, d).
        shares: the sⱼ, (t, p).
    """
    return normalize(shares @ phrases, dim=1)


def distance(texts: Tensor, aims: Tensor) -> Tensor:
    """Mean of 1 − cosine between sentences and what they should be, unit rows (t, d).

    With the frozen base's own embeddings as aims, it keeps what the base knows where it is.
    """
    return (1 - (texts * aims).sum(1)).mean()
