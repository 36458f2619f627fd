"""A dual encoder without a model, for the tests of every room: deterministic, tiny, instant.

It satisfies ``medneg.encoders.Encoder``. Images are seen as an 8 × 8 grid of mean grey values, texts as a
bag of hashed words; both are projected to ``width`` numbers. Nothing relates a text to an image: a test that
needs meaning builds its vectors itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.values import EncoderCard, InputSpec

GRID = 8


def _unit(rows: NDArray[np.float64]) -> NDArray[float32]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(norms, 1e-12)).astype(float32)


def _direction(word: str, width: int) -> NDArray[np.float64]:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(width)


class FakeEncoder:
    """Encodes any picture and any words, always alike.

    ``images_seen`` counts the pictures encoded so far, so that a test can tell that work was not repeated.
    """

    def __init__(self, *, width: int = 16, size: int = 32, name: str = "fake") -> None:
        if size % GRID:
            raise ValueError(f"size must be a multiple of {GRID}; got {size}")
        self.card = EncoderCard(
            name=name,
            width=width,
            input=InputSpec(size=size),
            image_fingerprint=f"{name}-image-{size}-{width}",
            text_fingerprint=f"{name}-text-{width}",
            licence="Apache-2.0",
            notice="For tests only: it knows nothing about radiographs.",
        )
        self.images_seen = 0
        self._projection = np.random.default_rng(7).standard_normal((GRID * GRID + 1, width))

    def encode_images(self, pixels: NDArray[float32]) -> NDArray[float32]:
        """Unit rows, shape (n, width), of pictures (n, size, size) in [0, 1]."""
        size = self.card.input.size
        if pixels.ndim != 3 or pixels.shape[1:] != (size, size) or pixels.dtype != float32:
            raise ValueError(f"need float32 (n, {size}, {size}); got {pixels.dtype} {pixels.shape}")
        self.images_seen += len(pixels)
        cell = size // GRID
        grid = pixels.reshape(-1, GRID, cell, GRID, cell).mean(axis=(2, 4)).reshape(-1, GRID * GRID)
        bias = np.ones((len(pixels), 1))
        return _unit(np.hstack([grid.astype(np.float64) - 0.5, bias]) @ self._projection)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[float32]:
        """Unit rows, shape (t, width); a word counts wherever it stands."""
        width = self.card.width
        rows = np.zeros((len(texts), width))
        for row, text in enumerate(texts):
            for word in text.lower().split() or [""]:
                rows[row] += _direction(word, width)
        return _unit(rows)
