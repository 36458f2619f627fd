"""Where open_clip's kinds of towers keep what ``medneg.encoders.insides`` looks at."""

from __future__ import annotations

from typing import Any

from open_clip.hf_model import HFTextEncoder
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from torch.nn import Module, MultiheadAttention

from medneg.encoders.insides import AttentionLayer, Places


def token_embedding(model: Any) -> Module:
    """The module that looks token ids up."""
    tower = getattr(model, "text", model)  # a CLIP of the first kind is its own text tower
    if isinstance(tower, HFTextEncoder):
        return tower.transformer.get_input_embeddings()  # type: ignore[no-any-return]
    return tower.token_embedding  # type: ignore[no-any-return]


def text_attention(model: Any) -> tuple[AttentionLayer, ...]:
    """The text tower's heads by layer; none for a text tower of transformers that is not shaped as BERT."""
    tower = getattr(model, "text", model)
    if isinstance(tower, HFTextEncoder):
        layers = getattr(getattr(tower.transformer, "encoder", None), "layer", ())
        return tuple(
            AttentionLayer(module=each.attention.output.dense, heads=each.attention.self.num_attention_heads)
            for each in layers
        )
    return tuple(_layer(block.attn) for block in tower.transformer.resblocks)


def image_places(tower: Module) -> Places | None:
    """The last layer of an image tower that knows places."""
    if isinstance(tower, ModifiedResNet):
        return Places(module=tower.layer4)
    if isinstance(tower, VisionTransformer):
        return Places(module=tower.transformer.resblocks[-1], extra=1)
    return _timm_places(tower.trunk) if isinstance(tower, TimmModel) else None


def _timm_places(trunk: Any) -> Places | None:
    if hasattr(trunk, "blocks") and hasattr(trunk, "num_prefix_tokens"):
        return Places(module=trunk.blocks[-1], extra=int(trunk.num_prefix_tokens))
    for name in ("layer4", "stages"):  # a ResNet's, a ConvNeXt's
        if hasattr(trunk, name):
            stages = getattr(trunk, name)
            return Places(module=stages if name == "layer4" else stages[-1])
    return None


def _layer(attention: Any) -> AttentionLayer:
    # The second kind of block mixes its heads in a module of its own.
    inner = attention if isinstance(attention, MultiheadAttention) else attention.out_proj
    return AttentionLayer(module=inner, heads=attention.num_heads)
