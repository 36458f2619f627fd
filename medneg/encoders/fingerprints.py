"""Names for towers that depend on nothing but what they compute.

An embedding is kept under the fingerprint of the image tower that made it, so two text towers that were
trained beside the same image tower search the same embeddings, and one changed weight keeps them apart.
The logit scale belongs to neither tower: it changes no order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from medneg.encoders.checkpoint import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

DIGITS = 32
"""Hexadecimal digits that are kept of the SHA-256: 128 bits."""

PROBES = ("Left pleural effusion, but no pneumothorax.", "NO acute findings", "calcification?", "")
"""Sentences whose token ids show how a tokenizer cleans, splits and pads."""


def image_fingerprint(
    state: Mapping[str, Tensor], *, architecture: Mapping[str, object], preprocessing: Preprocessing
) -> str:
    """Name an image tower by its tensors, its architecture and the pictures that it is fed.

    Args:
        state: the tower's tensors by name.
        architecture: what the tensors do not say (activation, heads, patch size).
        preprocessing: the input, the grey-scale chain included, and the normalisation.

    Returns:
        32 hexadecimal digits.
    """
    return _digest(state, {"architecture": dict(architecture), "preprocessing": asdict(preprocessing)})


def text_fingerprint(
    state: Mapping[str, Tensor],
    *,
    architecture: Mapping[str, object],
    vocabulary: Mapping[str, int],
    tokenize: Callable[[list[str]], Tensor],
) -> str:
    """Name a text tower by its tensors, its architecture, its vocabulary and how it reads a few sentences.

    Returns:
        32 hexadecimal digits.
    """
    reading = tokenize(list(PROBES)).tolist()
    in_order = "\0".join(sorted(vocabulary, key=vocabulary.__getitem__))
    facts = {"architecture": dict(architecture), "vocabulary": in_order, "reading": reading}
    return _digest(state, facts)


def _digest(state: Mapping[str, Tensor], facts: Mapping[str, object]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()[:DIGITS]


def _bytes(tensor: Tensor) -> memoryview:
    # A view as bytes serves every dtype, bfloat16 included, which NumPy does not have.
    import torch

    return tensor.reshape(-1).view(torch.uint8).numpy().data
