"""Stage 1, steps 1 and 2: sparse codes of words by an autoencoder after SPINE, and of captions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy import float32
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from finetune.application import TrainingError
from finetune.exclmm.learning import Learning, Progress
from finetune.exclmm.losses import average_sparsity, partial_sparsity, reconstruction
from finetune.exclmm.recipe import Recipe
from medneg.scoring import TextTower

_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a caption, in small letters.

    Example:
        >>> words_of("Chest X-ray: left effusion.")
        ('chest', 'x-ray', 'left', 'effusion')
    """
    return tuple(_WORD.findall(text.lower()))


def vocabulary(texts: Iterable[str]) -> tuple[str, ...]:
    """Every word of some captions, sorted."""
    return tuple(sorted({word for text in texts for word in words_of(text)}))


def own_vectors(words: Sequence[str], tower: TextTower) -> NDArray[float32]:
    """What the text tower makes of each word by itself, shape (v, k): no file of word vectors is needed."""
    return tower.encode_texts(words)


def read_glove(file: Path, words: Sequence[str]) -> tuple[tuple[str, ...], NDArray[float32]]:
    """Vectors from a file in GloVe's format: a word and its numbers on each line, between spaces.

    Args:
        file: for example ``glove.6B.300d.txt`` (Pennington, Socher and Manning 2014).
        words: those that are wanted.

    Returns:
        The words that the file has, and their vectors, shape (v, m). Words that it lacks are left out: a
        caption's code is the mean of the codes of its other words.

    Raises:
        TrainingError: if the file cannot be read, a line does not fit, or none of the words is in it.
    """
    wanted, found = frozenset(words), {}
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                word, _, numbers = line.partition(" ")
                if word in wanted:
                    found[word] = _numbers(numbers, file, number)
    except (OSError, UnicodeDecodeError) as err:
        raise TrainingError(f"{file} cannot be read as word vectors: {err}") from err
    if not found:
        raise TrainingError(
            f"{file} has none of the {len(wanted)} words of the captions; it must have a word and its "
            "numbers on each line, between spaces"
        )
    if len({len(vector) for vector in found.values()}) > 1:
        raise TrainingError(f"the vectors in {file} are not equally long")
    kept = tuple(word for word in words if word in found)
    return kept, np.stack([found[word] for word in kept])


def _numbers(text: str, file: Path, line: int) -> NDArray[float32]:
    try:
        return np.array(text.split(), float32)
    except ValueError as err:
        raise TrainingError(
            f"line {line} of {file} holds something else than numbers behind its word"
        ) from err


class WordAutoencoder(nn.Module):
    """SPINE (Subramanian et al. 2018), eq. 1: activations between 0 and 1."""

    def __init__(self, taken: int, width: int) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(taken, width), nn.Linear(width, taken)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Codes z (v, d) and the vectors rebuilt from them (v, m)."""
        codes = self.encoder(vectors).clamp(0, 1)
        return codes, self.decoder(codes)


def code_words(
    vectors: NDArray[float32], recipe: Recipe, file: Path, progress: Progress | None = None
) -> tuple[NDArray[float32], dict[str, float]]:
    """Learn sparse codes of words, the sum of eq. 2, 3 and 4 over the whole vocabulary in each step.

    Args:
        vectors: shape (v, m). They are centred and scaled to a mean length of √m first, as GloVe's are.
        recipe: says how long and how sparse.
        file: of the training's state.
        progress: called with (done, total) steps.

    Returns:
        Codes, shape (v, d), in [0, 1], and what the losses were: ``error`` relative to the vectors' variance,
        ``awake``, the mean number of activations above 0, and ``partial``, eq. 4.
    """
    torch.manual_seed(recipe.seed)
    given = torch.from_numpy(standardised(vectors))
    module = WordAutoencoder(given.shape[1], recipe.width)

    def loss(rng: Generator) -> Tensor:
        codes, rebuilt = module(given)
        sparse = average_sparsity(codes, recipe.density) + partial_sparsity(codes)
        return reconstruction(rebuilt, given) + sparse

    learning = Learning(file, module, loss, steps=recipe.word_steps, rate=recipe.word_rate, seed=recipe.seed)
    learning.run(progress=progress)
    with torch.no_grad():
        codes, rebuilt = module(given)
        figures = {
            "error": float((rebuilt - given).square().sum() / given.square().sum()),
            "awake": float((codes > 0).sum(1).float().mean()),
            "partial": float(partial_sparsity(codes)),
        }
    found: NDArray[float32] = codes.numpy()
    return found, figures


def standardised(vectors: NDArray[float32]) -> NDArray[float32]:
    """Centred on the vocabulary's mean, with a mean length of √m."""
    centred = vectors - vectors.mean(axis=0)
    length = float(np.linalg.norm(centred, axis=1).mean())
    return np.asarray(centred * (np.sqrt(vectors.shape[1]) / max(length, 1e-12)), float32)


def caption_codes(
    captions: Sequence[str], codes: Mapping[str, NDArray[float32]], width: int
) -> NDArray[float32]:
    """z_c, eq. 5: the mean of the codes of a caption's words, shape (c, d); 0 where no word has one."""
    found = np.zeros((len(captions), width), float32)
    for row, caption in enumerate(captions):
        known = [codes[word] for word in words_of(caption) if word in codes]
        if known:
            found[row] = np.mean(known, axis=0)
    return found


def support(codes: NDArray[float32], kept: int) -> NDArray[np.bool_]:
    """The dimensions that a caption's code chooses, bool (c, d): its ``kept`` greatest, those above 0."""
    greatest = np.argpartition(-codes, kept - 1, axis=1)[:, :kept]
    chosen = np.zeros(codes.shape, bool)
    np.put_along_axis(chosen, greatest, True, axis=1)
    return chosen & (codes > 0)
