"""Prepared pictures of an archive's images, for image towers that learn: read once, kept as bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from finetune.application import TrainingError
from finetune.embedded import Embedded
from medneg.ingest.decoding import SLOW_IMPORTS, Job, Prepared, read_file, warm_up
from medneg.workers import Lost, each

if TYPE_CHECKING:
    from medneg.archive import Archive, ImageRow
    from medneg.values import InputSpec

Progress = Callable[[int, int], None]


def with_pictures(
    data: Embedded,
    archive: Archive,
    spec: InputSpec,
    folder: Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Embedded:
    """The same images with their pixels, prepared as the archive's were when it was embedded.

    Args:
        data: as ``read_embedded`` gives it.
        archive: that it was read from.
        spec: the image tower's input.
        folder: keeps the pixels for another time; they are read anew if the images or the input change.
        workers: processes that decode; None for one per core, 0 for this one.
        progress: called with (done, total) files.

    Raises:
        TrainingError: if a file is gone, cannot be read any more, or holds something else by now.
    """
    if data.ids is None:
        raise ValueError("these images come from no archive: they have embeddings and no numbers")
    images = archive.images(data.ids.tolist())
    kept = folder / f"pictures-{_digest(images, spec)}.npy"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        cores = os.cpu_count() or 1
        jobs = [Job(path=image.path, key=archive.pseudonym_key, spec=spec) for image in images]
        running = each(
            read_file,
            jobs,
            workers=cores if workers is None else workers,
            prepare=warm_up,
            preload=SLOW_IMPORTS,
        )
        pixels = np.lib.format.open_memmap(
            kept.with_suffix(".new"), "w+", uint8, (len(images), spec.size, spec.size)
        )
        with contextlib.closing(running) as results:
            for row, (image, result) in enumerate(zip(images, results, strict=True)):
                pixels[row] = _bytes(image, result)
                if progress is not None:
                    progress(row + 1, len(images))
        pixels.flush()
        os.replace(kept.with_suffix(".new"), kept)
    return replace(data, pixels=np.load(kept, mmap_mode="r"))


def _digest(images: Sequence[ImageRow], spec: InputSpec) -> str:
    told = json.dumps([asdict(spec), [image.sha256 for image in images]])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _bytes(image: ImageRow, result: Prepared | Lost) -> NDArray[uint8]:
    if isinstance(result, Lost) or result.radiograph is None or result.stamp is None:
        reason = result.reason or "it cannot be read"
    elif result.stamp.sha256 != image.sha256:
        reason = "it holds something else than when it was ingested"
    else:
        return np.rint(result.radiograph.pixels * 255).astype(uint8)
    raise TrainingError(
        f"--unfreeze-image learns from pixels, and {image.path} does not give them: {reason}; bring the file "
        "back, or leave the option out to learn from the embeddings that the archive keeps"
    )
