"""An encoder that knows everything and hears no "no", and a gallery made for it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from medneg.query import lexicon
from medneg.values import EncoderCard, InputSpec

FINDINGS = ("pleural_effusion", "pneumothorax", "calcified_granuloma", "aortic_calcification")


class Perfect:
    """Each finding is one axis; a text is the sum of the axes of the findings that it names, "no" unheard."""

    def __init__(self) -> None:
        self.card = EncoderCard(
            name="perfect",
            width=len(FINDINGS) + 1,
            input=InputSpec(size=8),
            image_fingerprint="perfect-image",
            text_fingerprint="perfect-text",
            licence="Apache-2.0",
            notice="For tests <only>.",
            findings=FINDINGS,
        )

    def encode_texts(self, texts):
        rows = np.zeros((len(texts), self.card.width), np.float32)
        rows[:, -1] = 0.1
        for row, text in zip(rows, texts, strict=True):
            for column, finding in enumerate(FINDINGS):
                known = lexicon().finding(finding)
                row[column] = any(word in text for word in (known.prompt, *known.synonyms))
            if "calcification" in text and not row[2:4].any():
                row[2:4] = 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Hearing:
    """The same encoder with a text tower that hears what stands after "no" and turns from it."""

    def __init__(self, name: str = "perfect+hearing") -> None:
        self.card = replace(Perfect().card, name=name, text_fingerprint=name)

    def encode_texts(self, texts):
        parts = [re.split(r" ?\b(?:but no|and no|no|without) ", text) for text in texts]
        rows = Perfect().encode_texts([some[0] for some in parts])
        for row, (_, *denied) in zip(rows, parts, strict=True):
            for words in denied:
                row -= Perfect().encode_texts([words])[0]
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def gallery(pictures: int = 600):
    """Unit embeddings, shape (n, 5), and labels, shape (n, 4)."""
    rng = np.random.default_rng(5)
    labels = rng.random((pictures, len(FINDINGS))) < 0.35
    images = np.hstack([labels, np.full((pictures, 1), 0.5)]).astype(np.float32)
    images += rng.normal(0, 0.05, images.shape).astype(np.float32)
    return images / np.linalg.norm(images, axis=1, keepdims=True), labels
