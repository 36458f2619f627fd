"""An archive of 240 embeddings with labels, calibrated, and the encoder that made them."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from PIL import Image

from medneg.archive import Archive, FileStamp, Label, NewImage
from medneg.calibration import calibrate_archive
from medneg.query import lexicon
from medneg.values import Radiograph
from tests.fake_encoder import FakeEncoder

FINDINGS = ("pleural_effusion", "calcified_granuloma", "cardiomegaly")
COUNT = 240


def knowing_encoder() -> FakeEncoder:
    """An encoder that says which findings it knows."""
    encoder = FakeEncoder(width=64)
    encoder.card = dataclasses.replace(encoder.card, findings=FINDINGS)
    return encoder


def make_archive(folder: Path, encoder: FakeEncoder) -> Path:
    """Fill and calibrate an archive in a new folder."""
    rng = np.random.default_rng(0)
    shown = rng.random((COUNT, len(FINDINGS))) < (0.6, 0.3, 0.2)
    with Archive.open(folder, create=True) as store:
        store.register(encoder.card)
        new = [_image(place, shown[place], encoder, rng) for place in range(COUNT)]
        store.store(encoder.card.image_fingerprint, images=new)
        store.label({image.file.path: _label(row) for image, row in zip(new, shown, strict=True)})
        calibrate_archive(store, encoder)
    return folder


def _jpeg() -> bytes:
    kept = io.BytesIO()
    Image.new("L", (8, 8)).save(kept, "JPEG")
    return kept.getvalue()


def _label(row):
    states = {name: "present" if there else "absent" for name, there in zip(FINDINGS, row, strict=True)}
    return Label(findings=states)


def _image(place, row, encoder, rng):
    words = [lexicon().finding(name).prompt for name, there in zip(FINDINGS, row, strict=True) if there]
    vector = encoder.encode_texts([" ".join(words) or "clear lungs"])[0]
    vector = vector + 0.05 * rng.standard_normal(len(vector)).astype(np.float32)
    return NewImage(
        file=FileStamp(path=f"/images/{place}.png", sha256=f"{place:064d}", size=1, mtime_ns=0),
        radiograph=Radiograph(
            pixels=np.zeros((8, 8), np.float32),
            patient=f"patient-{place}",
            study=f"study-{place}",
            image=f"image-{place}",
            phantom=True,
        ),
        rows=8,
        columns=8,
        vector=vector / np.linalg.norm(vector),
        thumbnail=_jpeg(),
    )
