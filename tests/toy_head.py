"""A small head with random weights behind an encoder, for the tests of every room: nothing is trained."""

from __future__ import annotations

import numpy as np

from medneg.encoders.heads import Head, HeadCard
from medneg.values import EncoderCard


def random_tensors(
    width: int, code: int, *, hidden: int = 6, seed: int = 0
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Tensors of a head behind embeddings of ``width``, exact in half precision."""
    rng = np.random.default_rng(seed)
    shapes = {
        "image": [(code, width)],
        "text": [(code, width)],
        "sentence": [(hidden, code), (code, hidden)],
        "clauses": [(hidden, 2 * code), (2 * code, hidden)],
    }
    found = {}
    for part, layers in shapes.items():
        for layer, (given, taken) in enumerate(layers):
            name = part if len(layers) == 1 else f"{part}.{layer}"
            found[f"{name}.weight"] = rng.standard_normal((given, taken))
            found[f"{name}.bias"] = rng.standard_normal(given) / 4
    return {name: tensor.astype(np.float16).astype(np.float32) for name, tensor in found.items()}


def head_card(card: EncoderCard, **told) -> HeadCard:
    """A card of a head behind an encoder."""
    known = {
        "name": "toy",
        "base": card.name,
        "image_fingerprint": card.image_fingerprint,
        "kept": 4,
        "licence": card.licence,
        "notice": card.notice,
        "lineage": ("made up for a test",),
    }
    return HeadCard(**known | told)


def toy_head(card: EncoderCard, *, code: int = 12, seed: int = 0, **told) -> Head:
    """A head that makes codes of length ``code``."""
    return Head(head_card(card, **told), random_tensors(card.width, code, seed=seed))
