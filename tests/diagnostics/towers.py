"""A text tower made from labels, which hears every "no", and the same one made deaf to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medneg.archive import Archive, Label
from medneg.query import parse
from tests.archive.new_images import new_image
from tests.evaluation.perfect import FINDINGS, Perfect, gallery


class Oracle:
    """A sentence is the sum of the axes of what it wants, less those of what it does not."""

    def __init__(self, name: str = "oracle") -> None:
        self.card = replace(Perfect().card, name=name, text_fingerprint=name)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(texts), self.card.width), np.float32)
        rows[:, -1] = 0.1
        for row, text in zip(rows, texts, strict=True):
            query = parse(text)
            for mentions, sign in ((query.affirmed, 1), (query.negated, -1)):
                for mention in mentions:
                    row += sign * _axes(mention.finding)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def encode_images(self, pixels: np.ndarray) -> np.ndarray:
        raise NotImplementedError("its images are embedded already")


class Deaf:
    """Another tower whose negation cues are masked before it reads: it cannot hear "no"."""

    def __init__(self, tower: Oracle, name: str = "deaf") -> None:
        self._tower = tower
        self.card = replace(tower.card, name=name, text_fingerprint=name)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return self._tower.encode_texts([_masked(text) for text in texts])

    def encode_images(self, pixels: np.ndarray) -> np.ndarray:
        return self._tower.encode_images(pixels)


def make_archive(place: str, *, phantom: bool, pictures: int = 400) -> None:
    """Four pictures a patient; the files carry names that no report may show."""
    images, labels = gallery(pictures)
    with Archive.open(place, create=True) as store:
        store.register(Perfect().card)
        new = [
            replace(new_image(number, name=f"DOE_JANE_{number}.dcm", phantom=phantom), vector=row)
            for number, row in enumerate(images)
        ]
        store.store("perfect-image", images=new)
        states = [
            {finding: "present" if shown else "absent" for finding, shown in zip(FINDINGS, row, strict=True)}
            for row in labels
        ]
        store.label({one.file.path: Label(findings=row) for one, row in zip(new, states, strict=True)})


def _axes(finding: str | None) -> np.ndarray:
    row = np.zeros(len(FINDINGS) + 1, np.float32)
    if finding == "calcification":
        row[2:4] = 1
    elif finding in FINDINGS:
        row[FINDINGS.index(finding)] = 1
    return row


def _masked(text: str) -> str:
    """The sentence that is left without its cues: each mention in its own words."""
    return " and ".join(mention.text for mention in parse(text).mentions) or text
