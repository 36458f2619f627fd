"""An archive of four findings that an encoder sees through noise; of some patients there are no labels."""

from __future__ import annotations

import numpy as np

from medneg.archive import Archive, FileStamp, Label, NewImage
from medneg.values import EncoderCard, InputSpec, Radiograph

KNOWN = ("pleural_effusion", "pulmonary_edema", "calcified_granuloma", "aortic_calcification")
WORDS = ("effusion", "edema", "granuloma", "aortic calcification")


class NoisyEncoder:
    """Each finding is an axis, and an image is the sum of what it shows, plus noise."""

    def __init__(self, noise=0.1):
        self.noise = noise
        self.card = EncoderCard(
            name="noisy",
            width=len(KNOWN) + 2,
            input=InputSpec(size=2),
            image_fingerprint="noisy image",
            text_fingerprint="noisy text",
            licence="Apache-2.0",
            notice="For tests only.",
            findings=KNOWN,
        )

    def image(self, shown, rng):
        vector = np.array([*shown, 1.0, 0.0]) + self.noise * rng.standard_normal(self.card.width)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def encode_texts(self, texts):
        rows = np.array([[*(float(word in text) for word in WORDS), 0.5, 0.5] for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def truth(images, seed=0, share=0.3):
    """Which image shows which finding, bool, shape (images, 4)."""
    return np.random.default_rng(seed).random((images, len(KNOWN))) < share


def fill(store: Archive, encoder: NoisyEncoder, shown, *, labelled) -> None:
    """Store one image of a patient each, and the labels of those that are ``labelled``, bool, shape (n,)."""
    rng = np.random.default_rng(1)
    store.register(encoder.card)
    films = [_film(encoder, k, row, rng) for k, row in enumerate(shown)]
    store.store(encoder.card.image_fingerprint, images=films)
    states = {True: "present", False: "absent"}
    store.label(
        {
            f"/films/{k}.dcm": Label(findings=dict(zip(KNOWN, (states[bool(on)] for on in row), strict=True)))
            for k, row in enumerate(shown)
            if labelled[k]
        }
    )


def _film(encoder, k, row, rng):
    pixels = np.zeros((2, 2), np.float32)
    return NewImage(
        file=FileStamp(path=f"/films/{k}.dcm", sha256=f"{k:064d}", size=k + 1, mtime_ns=1),
        radiograph=Radiograph(
            pixels=pixels, patient=f"p{k}", study=f"s{k}", image=f"i{k}", view="PA" if k % 2 else "AP"
        ),
        rows=2,
        columns=2,
        vector=encoder.image(row, rng),
        thumbnail=b"",
    )
