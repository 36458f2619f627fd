"""Images as an ingest would hand them over, without any file behind them."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np

from medneg.archive import FileStamp, NewImage
from medneg.values import Radiograph

WIDTH = 16
SPACE = "fake-image-32-16"
"""The image fingerprint of ``FakeEncoder()``."""


def unit_vector(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(WIDTH).astype(np.float32)
    return vector / np.linalg.norm(vector)


def stamp(name: str, content: str | None = None, mtime_ns: int = 1) -> FileStamp:
    digest = hashlib.sha256((content or name).encode()).hexdigest()
    return FileStamp(
        path=os.path.join("/films", name), sha256=digest, size=len(content or name), mtime_ns=mtime_ns
    )


def new_image(number: int, *, name: str | None = None, content: str | None = None, **known: Any) -> NewImage:
    """The ``number``-th image: two per study, two studies per patient."""
    known = {
        "patient": f"patient{number // 4}",
        "study": f"study{number // 2}",
        "image": f"image{number}",
        "header": {"BitsStored": "12"},
        "grey_scale": "window",
    } | known
    return NewImage(
        file=stamp(name or f"{number}.dcm", content),
        radiograph=Radiograph(pixels=np.zeros((2, 2), np.float32), **known),
        rows=20,
        columns=10,
        vector=unit_vector(number),
        thumbnail=b"jpeg %d" % number,
    )
