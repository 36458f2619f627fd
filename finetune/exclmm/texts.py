"""A text tower that reads each sentence once, for all runs of a folder: reading costs more than learning."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray
from torch.nn.functional import normalize

from finetune.exclmm.learning import Progress
from medneg.encoders import Encoder
from medneg.encoders.dual import DualEncoder
from medneg.values import EncoderCard

TOGETHER = 32
"""Sentences that are read in one go."""


class Reader:
    """Behind ``medneg.scoring.TextTower``: unit rows of sentences, kept in a file as they come.

    Args:
        encoder: whose text tower reads.
        folder: keeps one file for each text tower.
    """

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self._encoder, self._file = encoder, folder / f"texts-{encoder.card.text_fingerprint[:16]}.npz"
        self._rows: dict[str, NDArray[float32]] = {}
        if self._file.exists():
            with np.load(self._file, allow_pickle=False) as kept:
                self._rows = dict(zip(kept["texts"].tolist(), kept["rows"], strict=True))

    @property
    def card(self) -> EncoderCard:
        """The encoder's."""
        return self._encoder.card

    def encode_texts(self, texts: Sequence[str]) -> NDArray[float32]:
        """Unit rows, shape (t, k); what is new is remembered, but not kept in the file."""
        self._take_in(texts, None)
        return np.stack([self._rows[text] for text in texts])

    def read(self, texts: Sequence[str], progress: Progress | None = None) -> None:
        """Read what is new, and keep it in the file."""
        if self._take_in(texts, progress):
            self._save()

    def _take_in(self, texts: Sequence[str], progress: Progress | None) -> bool:
        """Read what is new, those of like length together; False where nothing is."""
        new = sorted({text for text in texts if text not in self._rows}, key=len)
        for start in range(0, len(new), TOGETHER):
            some = new[start : start + TOGETHER]
            self._rows |= dict(zip(some, self._encode(some), strict=True))
            if progress is not None:
                progress(min(start + TOGETHER, len(new)), len(new))
        return bool(new)

    def _encode(self, texts: list[str]) -> NDArray[float32]:
        if not isinstance(self._encoder, DualEncoder):
            return self._encoder.encode_texts(texts)
        towers = self._encoder.towers
        with torch.inference_mode():
            # Padding costs as much as words.
            rows = towers.encode_tokens(towers.cut(towers.tokenize(texts)))
            found: NDArray[float32] = normalize(rows.float(), dim=1).numpy()
        return found

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_suffix(f".{os.getpid()}.tmp")
        with beside.open("wb") as file:
            np.savez(file, texts=np.array(list(self._rows)), rows=np.stack(list(self._rows.values())))
        os.replace(beside, self._file)


def digest(*parts: bytes) -> str:
    """A name for some bytes."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
