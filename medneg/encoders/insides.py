"""What can be looked at inside of a tower: its token embeddings, its attention heads, its sense of place.

Everything is done by hooks that act in the thread that set them and in no other: an encoder may be asked by
many at once, and the others must not notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import Any

from torch import Tensor
from torch.nn import Module, MultiheadAttention
from torch.nn.functional import linear, scaled_dot_product_attention


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttentionLayer:
    """The attention heads of one layer.

    Attributes:
        module: an ``nn.MultiheadAttention`` of a word to its own sentence, batch first, or the linear layer
            that mixes what the heads say, which lies before it head by head.
        heads: how many there are.
    """

    module: Module
    heads: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """The last layer of an image tower that knows where in the picture things are.

    Attributes:
        module: whose output is a grid, shape (n, channels, rows, columns), or whose input is tokens, shape
            (n, extra + rows · columns, channels).
        extra: how many tokens at the front belong to no place; None where the output is a grid.
    """

    module: Module
    extra: int | None = None


@contextmanager
def answering(module: Module, value: Tensor) -> Iterator[None]:
    """Let a module answer ``value`` whatever it is asked."""

    def answer(*_: Any) -> Tensor:
        return value

    with _hooked(module.register_forward_hook, answer):
        yield


@contextmanager
def gated(layers: Sequence[AttentionLayer], gates: Tensor) -> Iterator[None]:
    """Multiply what each head says, before the heads are mixed.

    Args:
        layers: of a tower, in their order.
        gates: shape (t, layers, heads) for a batch of t sentences; 0 silences a head, 1 leaves it alone.
    """
    with ExitStack() as stack:
        for place, layer in enumerate(layers):
            gate = gates[:, place, : layer.heads]
            module = layer.module
            if isinstance(module, MultiheadAttention):
                stack.enter_context(_hooked(module.register_forward_hook, _attend(gate), with_kwargs=True))
            else:
                stack.enter_context(_hooked(module.register_forward_pre_hook, _dampen(gate)))
        yield


@contextmanager
def watched(places: Places) -> Iterator[list[Tensor]]:
    """Collect what passes the layer, with its gradient's history: one tensor for each pass."""
    seen: list[Tensor] = []

    def look(_: Module, inputs: tuple[Tensor, ...], *output: Tensor) -> None:
        seen.append(inputs[0] if places.extra is not None else output[0])

    register = (
        places.module.register_forward_hook
        if places.extra is None
        else places.module.register_forward_pre_hook
    )
    with _hooked(register, look):
        yield seen


@contextmanager
def _hooked(register: Callable[..., Any], hook: Callable[..., Any], **options: bool) -> Iterator[None]:
    mine = get_ident()

    def guarded(*call: Any) -> Any:
        return hook(*call) if get_ident() == mine else None

    handle = register(guarded, **options)
    try:
        yield
    finally:
        handle.remove()


def _attend(gate: Tensor) -> Callable[..., tuple[Tensor, None]]:
    """PyTorch's attention mixes its heads inside of one call; it is computed again, eagerly, with gates."""

    def hook(
        module: MultiheadAttention, inputs: tuple[Tensor, ...], options: dict[str, Any], _: Any
    ) -> tuple[Tensor, None]:
        rows, length, width = inputs[0].shape
        mask = options.get("attn_mask")
        if mask is not None and mask.ndim == 3:  # t·heads l l, where padding is masked too
            mask = mask.view(rows, module.num_heads, length, length)
        parts = linear(inputs[0], module.in_proj_weight, module.in_proj_bias).chunk(3, dim=-1)
        query, key, value = (
            part.reshape(rows, length, module.num_heads, -1).transpose(1, 2) for part in parts
        )
        said = scaled_dot_product_attention(query, key, value, attn_mask=mask)  # t heads l d
        said = said * gate[:, :, None, None]
        return module.out_proj(said.transpose(1, 2).reshape(rows, length, width)), None

    return hook


def _dampen(gate: Tensor) -> Callable[..., tuple[Tensor]]:
    def hook(_: Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        rows, length, width = inputs[0].shape
        heads = inputs[0].view(rows, length, gate.shape[1], -1)
        return ((heads * gate[:, None, :, None]).view(rows, length, width),)

    return hook
