"""The layer norms of a text tower: other gains and offsets in their place, for one call of one thread.

The tower's own tensors are never written to, so nobody else who holds the encoder notices, and there is
nothing to put back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import Any

from torch import Tensor
from torch.nn import LayerNorm
from torch.nn.functional import layer_norm, normalize

from medneg.encoders.dual import DualEncoder, Towers
from medneg.encoders.protocol import Encoder
from medneg.errors import EncoderError

Norms = Mapping[str, tuple[Tensor, Tensor]]
"""Gain and offset of each layer norm, by its name in the module; shape (w,) each."""


def towers_of(encoder: Encoder) -> Towers:
    """The towers behind an encoder.

    Raises:
        EncoderError: if it is none of medneg's own, or has no layer norms in its text tower's layers.
    """
    if not isinstance(encoder, DualEncoder) or not text_norms(encoder.towers):
        raise EncoderError(
            f"the text tower of {encoder.card.name} has no layer norms that can be adapted; "
            "adapt the query vectors instead"
        )
    return encoder.towers


def text_norms(towers: Towers) -> dict[str, LayerNorm]:
    """The layer norms inside a text tower's numbered layers: not the one behind them all, as TCR and NEAT."""
    return {
        name: module
        for name, module in towers.module.named_modules()
        if isinstance(module, LayerNorm)
        and module.elementwise_affine
        and f"{name}.weight" in towers.text_state
        and any(part.isdecimal() for part in name.split("."))
    }


def own_norms(towers: Towers) -> dict[str, tuple[Tensor, Tensor]]:
    """Copies of the gains and offsets that the tower was trained to."""
    return {
        name: (module.weight.detach().clone(), module.bias.detach().clone())
        for name, module in text_norms(towers).items()
    }


def encode_with(towers: Towers, norms: Norms, texts: Sequence[str]) -> Tensor:
    """Unit rows (t, d) of sentences under other layer norms, with the gradient's history if they have one."""
    with _replaced(towers, norms):
        return normalize(towers.encode_tokens(towers.cut(towers.tokenize(list(texts)))).float(), dim=1)


@contextmanager
def _replaced(towers: Towers, norms: Norms) -> Iterator[None]:
    mine = get_ident()
    with ExitStack() as stack:
        for name, module in text_norms(towers).items():

            def hook(
                module: LayerNorm, inputs: tuple[Tensor, ...], _: Any, name: str = name
            ) -> Tensor | None:
                if get_ident() != mine:
                    return None
                gain, offset = norms[name]
                return layer_norm(inputs[0], module.normalized_shape, gain, offset, module.eps)

            stack.callback(module.register_forward_hook(hook).remove)
        yield
