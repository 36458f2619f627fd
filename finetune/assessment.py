"""What a trained model is worth on pictures that it never saw."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from finetune.pictures import draw_parts, new_parts, read_part
from medneg.encoders import load
from medneg.errors import EncoderError
from medneg.evaluation.benchmark import evaluate
from medneg.evaluation.report import Report
from medneg.phantom.truth import FINDINGS

Progress = Callable[[int, int], None]


def model_folder(given: Path) -> Path:
    """The folder of the model itself, where a run's folder was given.

    Raises:
        EncoderError: if there is none.
    """
    for folder in (given / "model", given):
        if (folder / "open_clip_config.json").is_file():
            return folder
    raise EncoderError(
        f"{given} holds no model; give the folder of a run (with model/ in it) or of a model in open_clip's "
        f"format (with open_clip_config.json in it)"
    )


def assess(
    folder: Path,
    *,
    studies: int,
    seed: int,
    workers: int,
    kept: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Draw a fresh gallery, one frontal picture a study, findings independent, and evaluate a model on it.

    Args:
        folder: the model, in open_clip's format.
        studies: pictures in the gallery.
        seed: of the gallery, the pools and the intervals; not the training's.
        workers: processes that draw.
        kept: folder that keeps the drawn pictures for another time; None forgets them.
        progress: called with (done, total) parts of the gallery.
    """
    encoder = load(f"local:{folder}")
    with tempfile.TemporaryDirectory() as forgotten:
        pixels, labels = draw_gallery(
            (kept or Path(forgotten)) / f"{encoder.card.input.size}px-seed{seed}",
            pictures=studies,
            seed=seed,
            size=encoder.card.input.size,
            workers=workers,
            progress=progress,
        )
    return evaluate(encoder.encode_images(pixels), labels, FINDINGS, encoder, seed=seed)


def draw_gallery(
    folder: Path,
    *,
    pictures: int,
    seed: int,
    size: int,
    workers: int,
    progress: Progress | None = None,
) -> tuple[NDArray[float32], NDArray[np.bool_]]:
    """Frontal pictures without twins, (n, size, size) in [0, 1], and their labels (n, findings)."""
    draw_parts(
        folder,
        seed=seed,
        pictures=pictures,
        size=size,
        workers=workers,
        frontal=True,
        twins=False,
        progress=progress,
    )
    parts = [read_part(path) for path in new_parts(folder, set())]
    pixels = np.concatenate([part.pixels for part in parts])[:pictures]
    labels = np.concatenate([part.labels for part in parts])[:pictures]
    return pixels.astype(float32) / float32(255), labels
