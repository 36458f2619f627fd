"""An archive whose meaning is plain to see: an encoder that knows four findings, images that show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medneg.archive import Archive, FileStamp, Label, NewImage
from medneg.values import EncoderCard, Hit, InputSpec, Radiograph

KNOWN = ("pleural_effusion", "pulmonary_edema", "calcified_granuloma", "aortic_calcification")
SHOWN: list[tuple[str, ...]] = [
    (),
    ("pleural_effusion",),
    ("pleural_effusion", "calcified_granuloma"),
    ("aortic_calcification",),
    ("pleural_effusion", "aortic_calcification"),
    ("pulmonary_edema",),
    ("pleural_effusion", "pulmonary_edema"),
    ("calcified_granuloma",),
]
"""What the images show, in turn."""


class AxisEncoder:
    """Each finding is an axis, and a text is the sum of the findings whose words it holds.

    Two more axes say "a film" and "a text"; ``noise`` further ones are there for images to differ in.
    """

    def __init__(
        self, name: str = "axis", findings: tuple[str, ...] | None = KNOWN, *, noise: int = 0
    ) -> None:
        tower = f"{name} of {len(KNOWN) + 2 + noise}"  # what is known of a tower is kept by its fingerprint
        self.card = EncoderCard(
            name=name,
            width=len(KNOWN) + 2 + noise,
            input=InputSpec(size=2),
            image_fingerprint=f"{tower} image",
            text_fingerprint=f"{tower} text",
            licence="Apache-2.0",
            notice="For tests only.",
            template="film of {}",
            findings=findings,
        )

    def image(self, shown: Sequence[str], seed: int) -> np.ndarray:
        noise = 0.05 * np.random.default_rng(seed).standard_normal(self.card.width)
        noise[: len(KNOWN) + 1] += [*(float(finding in shown) for finding in KNOWN), 1.0]
        return (noise / np.linalg.norm(noise)).astype(np.float32)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        words = ("effusion", "edema", "granuloma", "aortic calcification")
        vectors = np.zeros((len(texts), self.card.width))
        for row, text in zip(vectors, texts, strict=True):
            row[: len(KNOWN) + 2] = [*(float(word in text.lower()) for word in words), 0.5, 0.5]
            if text.endswith("calcification") and "aortic" not in text:
                row[2] = row[3] = 0.3  # the encoder has only a dim idea of the parent
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def new_image(encoder: AxisEncoder, k: int, shown: Sequence[str], **more: Any) -> NewImage:
    """The ``k``-th image, which shows some findings."""
    fields = {"view": "PA" if k % 2 else "AP", "sex": "F", "age": 30.0 + k % 120, "phantom": True} | more
    radiograph = Radiograph(
        pixels=np.zeros((2, 2), np.float32), patient=f"p{k}", study=f"s{k}", image=f"i{k}", **fields
    )
    return NewImage(
        file=FileStamp(path=f"/films/{k}.dcm", sha256=f"{k:064d}", size=k + 1, mtime_ns=1),
        radiograph=radiograph,
        rows=2,
        columns=2,
        vector=encoder.image(shown, k),
        thumbnail=b"",
    )


def fill(archive: Archive, encoder: AxisEncoder, count: int) -> None:
    """Bring that many images into an archive, with labels."""
    archive.register(encoder.card)
    films = [new_image(encoder, k, SHOWN[k % len(SHOWN)]) for k in range(count)]
    archive.store(encoder.card.image_fingerprint, images=films)
    archive.label({f"/films/{k}.dcm": Label(findings=_states(SHOWN[k % len(SHOWN)])) for k in range(count)})


def shown(hit: Hit) -> tuple[str, ...]:
    """What a hit shows."""
    return SHOWN[int(Path(hit.image).stem) % len(SHOWN)]


def _states(shown: Sequence[str]) -> Any:
    return {finding: "present" if finding in shown else "absent" for finding in KNOWN}
