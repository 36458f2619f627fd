"""The networks of ExclMM: the bi-encoder-decoder of stage 1 and the exclusion encoders of stage 2."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

Side = Literal["image", "text"]
Form = Literal["clauses", "sentence"]
"""What the exclusion encoder hears: what is wanted and what is not apart, or the whole sentence."""

KEEP, TAKE = 2.0, 0.5
"""Where clauses start: keep = σ(2) = .88 and take = softplus(.5) = .97, about a plain difference of codes."""


class BiEncoderDecoder(nn.Module):
    """Eq. 6 and 7: linear maps from embeddings (n, k) to d numbers above 0, and back."""

    def __init__(self, taken: int, width: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({side: nn.Linear(taken, width) for side in get_args(Side)})
        self.decoders = nn.ModuleDict({side: nn.Linear(width, taken) for side in get_args(Side)})

    def forward(self, embeddings: Tensor, side: Side) -> tuple[Tensor, Tensor]:
        """E, shape (n, d), and the embeddings rebuilt from it, (n, k)."""
        raw = torch.relu(self.encoders[side](embeddings))
        return raw, self.decoders[side](raw)

    def tensors(self) -> dict[str, NDArray[float32]]:
        """The encoders' weights under a head's names."""
        return {
            f"{side}.{kind}": getattr(self.encoders[side], kind).detach().numpy().copy()
            for side in get_args(Side)
            for kind in ("weight", "bias")
        }


def masked(raw: Tensor, kept: int, chosen: Tensor | None = None) -> Tensor:
    """spar = mask ⊙ E, eq. 8 to 11, of unit length; shape (n, d).

    Args:
        raw: E.
        kept: t, how many of the greatest stay.
        chosen: dimensions that the caption's code chooses, bool (n, d); None without a caption.
    """
    mask = torch.zeros_like(raw, dtype=torch.bool).scatter_(1, raw.topk(kept, dim=1).indices, True)
    if chosen is not None:
        mask = mask | chosen
    return normalize(raw * mask, dim=1)


class ExclusionEncoder(nn.Module):
    """F of eq. 14: a perceptron with one hidden layer, on a sentence's code or on those of two clauses."""

    def __init__(self, width: int, form: Form) -> None:
        super().__init__()
        self.form = form
        taken, hidden = (width, width) if form == "sentence" else (2 * width, width // 2)
        self.first, self.second = nn.Linear(taken, hidden), nn.Linear(hidden, taken)
        if form == "clauses":
            nn.init.normal_(self.second.weight, std=1e-3)
            with torch.no_grad():
                self.second.bias.copy_(torch.tensor([KEEP] * width + [TAKE] * width))

    def forward(self, wanted: Tensor, unwanted: Tensor) -> Tensor:
        """exc of unit length, (n, d).

        Args:
            wanted: codes of what is wanted, (n, d); of whole sentences in the paper's form.
            unwanted: sums of codes of what is not wanted, (n, d); the paper's form looks at none.
        """
        if self.form == "sentence":
            return normalize(self._perceive(wanted), dim=1)
        keep, take = self._perceive(torch.cat([wanted, unwanted], dim=1)).chunk(2, dim=1)
        return normalize(torch.sigmoid(keep) * wanted - softplus(take) * unwanted, dim=1)

    def _perceive(self, given: Tensor) -> Tensor:
        found: Tensor = self.second(torch.relu(self.first(given)))
        return found

    def tensors(self) -> dict[str, NDArray[float32]]:
        """The weights under a head's names."""
        return {
            f"{self.form}.{layer}.{kind}": np.asarray(getattr(part, kind).detach().numpy().copy(), float32)
            for layer, part in enumerate((self.first, self.second))
            for kind in ("weight", "bias")
        }
