"""CON2: the loss of CoN-CLIP, with the opposite caption and an image of which that one is true."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def conclip(
    images: Tensor, texts: Tensor, distractors: Tensor, opposites: Tensor, *, scale: Tensor
) -> Tensor:
    """The three terms of CoN-CLIP (Singh et al., WACV 2025, released code), which CON2 takes over.

    An image chooses its caption among all captions and all opposite ones; a caption chooses its image among
    all images and all distractors; a distractor chooses its opposite caption among all opposite and all true
    ones. There is no term from an opposite caption to the images.

    Args:
        images, texts: unit rows that belong together, (n, d) each.
        distractors, opposites: images of which the opposite captions are true, and these, (n, d) each.
        scale: the inverse temperature.

    Returns:
        The mean of the terms, a scalar.
    """
    own = torch.arange(len(images), device=images.device)
    captions, pictures = torch.cat([texts, opposites]), torch.cat([images, distractors])  # 2n d
    turned = torch.cat([opposites, texts])  # 2n d
    terms = (
        cross_entropy(scale * images @ captions.T, own),
        cross_entropy(scale * texts @ pictures.T, own),
        cross_entropy(scale * distractors @ turned.T, own),
    )
    return torch.stack(terms).mean()
