"""A stand-in for ``medneg.ingest.decoding.read_file`` without MONAI, for processes that start in no time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from medneg.archive import FileStamp
from medneg.ingest.decoding import Job, Prepared
from medneg.values import Radiograph
from tests.misbehaving import act


def read_quickly(job: Job) -> Prepared:
    """Read a tiny PNG file; a file's name may say how it misbehaves."""
    path = Path(job.path)
    act(path.stem)
    content = path.read_bytes()
    status = path.stat()
    stamp = FileStamp(
        path=job.path,
        sha256=hashlib.sha256(content).hexdigest(),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )
    if stamp.sha256 in job.known:
        return Prepared(stamp=stamp, known=True)
    if not content.startswith(b"\x89PNG"):
        return Prepared(stamp=stamp, reason="it is no picture")
    with Image.open(path) as picture:
        pixels = np.asarray(picture.resize((job.spec.size, job.spec.size)), np.float32) / 255
    name = stamp.sha256[:16]
    radiograph = Radiograph(pixels=pixels, patient=name, study=name, image=name)
    return Prepared(stamp=stamp, radiograph=radiograph, rows=8, columns=8, thumbnail=content)
