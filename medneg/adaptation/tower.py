"""A text tower with a session's changes in it, which the rest of medneg takes for an ordinary one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from medneg.encoders.layer_norms import encode_with, own_norms, towers_of
from medneg.values import EncoderCard

if TYPE_CHECKING:
    from torch import Tensor

    from medneg.encoders import Encoder

Part = Literal["vector", "norms"]
State = tuple["Tensor", ...]

_BATCH = 128


class Adapted(Protocol):
    """A text tower whose answers depend on a few numbers, the state; it keeps none itself."""

    @property
    def start(self) -> State:
        """The numbers that change nothing."""

    def encode(self, texts: Sequence[str], state: State) -> Tensor:
        """Unit rows, shape (t, d), with the gradient's history where the state has one."""


class AdaptedVector:
    """u(e(text) + v): one offset v, shape (d,), for every text of the session. Any tower will do."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.start: State = (torch.zeros(encoder.card.width),)

    def encode(self, texts: Sequence[str], state: State) -> Tensor:
        """See ``Adapted``."""
        (offset,) = state
        return normalize(torch.from_numpy(self._encoder.encode_texts(texts)) + offset, dim=1)


class AdaptedNorms:
    """The gains and offsets of the layer norms in a text tower's layers, as TCR and NEAT adapt them.

    Raises:
        EncoderError: if the tower has none.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._towers = towers_of(encoder)
        known = own_norms(self._towers)
        self._names = tuple(known)
        self.start: State = tuple(tensor for pair in known.values() for tensor in pair)

    def encode(self, texts: Sequence[str], state: State) -> Tensor:
        """See ``Adapted``."""
        norms: Mapping[str, tuple[Tensor, Tensor]] = {
            name: (state[2 * place], state[2 * place + 1]) for place, name in enumerate(self._names)
        }
        return encode_with(self._towers, norms, texts)


def adapted(encoder: Encoder, part: Part) -> Adapted:
    """The part of an encoder's text tower that is to be adapted; errors as for it."""
    return AdaptedNorms(encoder) if part == "norms" else AdaptedVector(encoder)


class SessionTower:
    """A ``medneg.scoring.TextTower`` in one state, with a fingerprint of its own.

    What is remembered of texts is remembered by fingerprint, so no embedding of one state is ever taken for
    that of another, or of the encoder itself.
    """

    def __init__(self, card: EncoderCard, tower: Adapted, state: State) -> None:
        numbers = hashlib.sha256()
        for tensor in state:
            numbers.update(tensor.detach().numpy().tobytes())
        self.card = replace(card, text_fingerprint=f"{card.text_fingerprint}+{numbers.hexdigest()[:16]}")
        self._tower, self._state = tower, tuple(tensor.detach().clone() for tensor in state)

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (t, d)."""
        batches = [
            self._tower.encode(texts[start : start + _BATCH], self._state).numpy()
            for start in range(0, len(texts), _BATCH)
        ]
        return np.concatenate([np.empty((0, self.card.width), np.float32), *batches])
