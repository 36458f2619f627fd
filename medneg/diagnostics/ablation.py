"""Which attention heads of a text tower tell "no X" from "X": each is silenced by itself.

A head is silenced by setting what it says to zero before the heads of its layer are mixed, as Michel, Levy
and Neubig (2019) do. What the difference between the two sentences' scores loses by it, the head carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from medneg.diagnostics.attribution import inside
from medneg.encoders import Encoder
from medneg.encoders.dual import Towers
from medneg.encoders.insides import gated
from medneg.errors import EncoderError

BATCH = 32
"""Silenced copies of a sentence that go through the tower at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadAblation:
    """What each head carries of the difference between affirming and denying.

    Attributes:
        difference: of each pair, score of the affirming sentence less that of the denying one, shape (p,).
        carried: by how much the difference shrinks when one head is silent, shape (p, layers, heads); below
            zero where it grows; NaN where a layer has fewer heads than others. Heads work together, so
            what they carry does not add up to the difference.
    """

    difference: NDArray[float32]
    carried: NDArray[float32]

    @property
    def shares(self) -> NDArray[float32]:
        """Mean carried, divided by the mean difference, shape (layers, heads)."""
        found: NDArray[float32] = self.carried.mean(axis=0) / self.difference.mean()
        return found


def ablate_heads(
    encoder: Encoder, affirming: Sequence[str], denying: Sequence[str], target: NDArray[float32]
) -> HeadAblation:
    """Silence every head of the text tower, one at a time.

    Args:
        encoder: as ``medneg.encoders.load`` gives it.
        affirming, denying: pairs of sentences, "pleural effusion" and "no pleural effusion".
        target: a direction, shape (d,), or one for each pair, (p, d); a score is the cosine with it.

    Raises:
        EncoderError: if the text tower's heads cannot be told apart.
        ValueError: if the sentences do not pair up.
    """
    if len(affirming) != len(denying):
        raise ValueError(f"{len(affirming)} affirming sentences do not pair with {len(denying)} denying ones")
    towers = inside(encoder).towers
    if not towers.attention:
        raise EncoderError(f"the heads in the text tower of {encoder.card.name} cannot be told apart")
    gates = _gates(towers)
    directions = np.broadcast_to(target, (len(affirming), encoder.card.width))
    differences = np.array(
        [
            _scores(towers, yes, direction, gates) - _scores(towers, no, direction, gates)
            for yes, no, direction in zip(affirming, denying, directions, strict=True)
        ]
    )
    whole, silenced = differences[:, 0], differences[:, 1:].reshape(-1, *gates.shape[1:])
    absent = np.arange(gates.shape[2]) >= np.array([[layer.heads] for layer in towers.attention])
    carried = np.where(absent, np.nan, whole[:, None, None] - silenced)
    return HeadAblation(difference=whole.astype(float32), carried=carried.astype(float32))


def _gates(towers: Towers) -> Tensor:
    """All gates open, then each head's closed in turn: shape (1 + layers · heads, layers, heads)."""
    layers, heads = len(towers.attention), max(layer.heads for layer in towers.attention)
    closed = 1 - torch.eye(layers * heads)
    return torch.cat([torch.ones(1, layers * heads), closed]).view(-1, layers, heads)


@torch.inference_mode()
def _scores(towers: Towers, sentence: str, direction: NDArray[float32], gates: Tensor) -> NDArray[np.float64]:
    """The sentence's score under every row of gates, shape (rows,)."""
    ids = towers.cut(towers.tokenize([sentence]))
    rows = []
    for start in range(0, len(gates), BATCH):
        part = gates[start : start + BATCH]
        with gated(towers.attention, part):
            rows.append(normalize(towers.encode_tokens(ids.expand(len(part), -1)).float(), dim=1))
    found: NDArray[np.float64] = torch.cat(rows).double().numpy() @ direction.astype(np.float64)
    return found
