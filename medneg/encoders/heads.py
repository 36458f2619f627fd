"""A head: a small trained module behind a dual encoder that makes sparse codes of its embeddings (ExclMM).

Codes are one more embedding space of an archive. They are derived from stored embeddings, so no pixel is read
again, and they are kept under the head's own fingerprint. A head lies in a folder: ``head.safetensors`` with
its tensors, and ``head.json``, its card. Everything here is NumPy: a head is a few matrix products.

Equations are those of ExclMM (Jha, Bhatia and Bedathur, "Being Positive about Negative Queries"); see
docs/explanation/exclmm.md for what the paper leaves open.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.encoders.fingerprints import DIGITS
from medneg.encoders.parts import Kind, read_card
from medneg.errors import EncoderError, SpaceMismatch
from medneg.values import EncoderCard

WEIGHTS = "head.safetensors"
CARD = "head.json"
SHIPPED_HEADS = ("phantom-exclmm",)
"""Heads inside this package, each for the embedded model."""
_KIND = Kind(name="head", shipped=SHIPPED_HEADS, weights=WEIGHTS, inside="head", run="medneg-finetune exclmm")

Tower = Literal["image", "text"]
STAGE_1 = tuple(f"{tower}.{kind}" for tower in get_args(Tower) for kind in ("weight", "bias"))
STAGE_2 = tuple(
    f"{encoder}.{layer}.{kind}"
    for encoder in ("sentence", "clauses")
    for layer in (0, 1)
    for kind in ("weight", "bias")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCard:
    """What is known of a head.

    Attributes:
        name: how people call it.
        base: the encoder that it stands behind, as ``medneg.encoders.load`` takes it.
        image_fingerprint: of the base's image tower, whose embeddings it takes.
        kept: t, how many dimensions of a code are not 0, at most.
        licence: the base's licence, which it inherits.
        notice: one sentence on what it may and may not be used for.
        lineage: what was done to it, oldest first, one sentence each.
    """

    name: str
    base: str
    image_fingerprint: str
    kept: int
    licence: str
    notice: str
    lineage: tuple[str, ...] = ()


class Head:
    """Sparse codes of embeddings, and the exclusion encoders that refine a query's code.

    Attributes:
        card: what is known of it.
        width: d, the length of a code.
        code_fingerprint: names the space of its codes: the base's image tower, and everything that decides
            the code of an image. Heads that differ in their exclusion encoders alone share it.
    """

    def __init__(self, card: HeadCard, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Check the tensors.

        Raises:
            EncoderError: if one is missing or does not fit the others.
        """
        self.card = card
        self._tensors = {name: np.asarray(tensor, float32) for name, tensor in tensors.items()}
        _check(card, self._tensors)
        self.width = len(self._tensors["image.bias"])
        self.code_fingerprint = _fingerprint(card, self._tensors)

    def encode_images(self, embeddings: NDArray[float32]) -> NDArray[float32]:
        """Codes spar_i (eq. 10 without a caption) of unit image embeddings (n, k): unit rows (n, d)."""
        return self._code(embeddings, "image")

    def encode_texts(self, embeddings: NDArray[float32]) -> NDArray[float32]:
        """Codes spar_c (eq. 11 with the mask of eq. 9 from E_c alone) of text embeddings (t, k): (t, d)."""
        return self._code(embeddings, "text")

    def refine(self, code: NDArray[float32]) -> NDArray[float32]:
        """exc = F(spar), eq. 18: the exclusion encoder on a whole sentence's code (d,), of unit length."""
        return refined(self._tensors, code)

    def weigh(
        self, wanted: NDArray[float32], unwanted: NDArray[float32]
    ) -> tuple[NDArray[float32], NDArray[float32]]:
        """The exclusion encoder on a query's two clauses: what each dimension of either counts.

        Our form of eq. 14: exc = keep ⊙ wanted − take ⊙ unwanted, with keep in (0, 1) and take above 0, so
        that what a query asks for stays the sum of what its mentions ask for.

        Args:
            wanted: sum of the wanted phrases' codes, of unit length, shape (d,).
            unwanted: sum of the unwanted phrases' codes, shape (d,).

        Returns:
            keep and take, shape (d,) each.
        """
        return weighed(self._tensors, wanted, unwanted)

    @property
    def tensors(self) -> dict[str, NDArray[float32]]:
        """Its weights by name."""
        return dict(self._tensors)

    def _code(self, embeddings: NDArray[float32], tower: Tower) -> NDArray[float32]:
        # E, the numbers of eq. 6 and 7; then the t greatest of each row, which eq. 8 and 9 keep.
        raw = embeddings.astype(float32) @ self._tensors[f"{tower}.weight"].T + self._tensors[f"{tower}.bias"]
        greatest = np.argpartition(-raw, self.card.kept - 1, axis=1)[:, : self.card.kept]
        code = np.zeros_like(raw)
        np.put_along_axis(code, greatest, np.maximum(np.take_along_axis(raw, greatest, 1), 0), axis=1)
        asleep = ~code.any(axis=1)  # an embedding that wakes no dimension keeps the one nearest to waking
        code[asleep, raw[asleep].argmax(axis=1)] = 1.0
        return _unit(code)


def refined(tensors: Mapping[str, NDArray[Any]], code: NDArray[float32]) -> NDArray[float32]:
    """``Head.refine`` with the weights of a sentence's encoder."""
    found: NDArray[float32] = _unit(_perceive(tensors, "sentence", code)[None])[0]
    return found


def weighed(
    tensors: Mapping[str, NDArray[Any]], wanted: NDArray[float32], unwanted: NDArray[float32]
) -> tuple[NDArray[float32], NDArray[float32]]:
    """``Head.weigh`` with the weights of an encoder of clauses."""
    keep, take = np.split(_perceive(tensors, "clauses", np.concatenate([wanted, unwanted])), 2)
    return (1 / (1 + np.exp(-keep))).astype(float32), np.logaddexp(0, take).astype(float32)


def _perceive(
    tensors: Mapping[str, NDArray[Any]], encoder: str, values: NDArray[float32]
) -> NDArray[float32]:
    """A perceptron with one hidden layer of rectified units."""
    first, second = (
        [tensors[f"{encoder}.{layer}.{kind}"] for kind in ("weight", "bias")] for layer in (0, 1)
    )
    hidden = np.maximum(first[0] @ values.astype(float32) + first[1], 0)
    found: NDArray[float32] = second[0] @ hidden + second[1]
    return found


def heads() -> tuple[HeadCard, ...]:
    """The heads inside this package that are whole."""
    return tuple(read_head_card(folder) for folder in _KIND.whole())


def load_head(name: str, card: EncoderCard) -> Head:
    """Load a head that stands behind an encoder.

    Args:
        name: a shipped name, a folder, or a `medneg-finetune exclmm` run that has ``head`` in it.
        card: of the encoder.

    Raises:
        UnknownName: if there is no such head.
        SpaceMismatch: if it stands behind another image tower.
        EncoderError: if its files cannot be read.
    """
    folder = find_head(name)
    head = _load(folder, (folder / WEIGHTS).stat().st_mtime_ns)
    if head.card.image_fingerprint != card.image_fingerprint:
        raise SpaceMismatch(
            f"the head {head.card.name} stands behind the image tower of {head.card.base} "
            f"({head.card.image_fingerprint}), not behind that of {card.name} ({card.image_fingerprint}); "
            f"use it with --encoder {head.card.base}"
        )
    return head


def head_for(card: EncoderCard) -> Head | None:
    """The shipped head that stands behind an encoder's image tower; None if there is none."""
    fitting = (known.name for known in heads() if known.image_fingerprint == card.image_fingerprint)
    name = next(fitting, None)
    return None if name is None else load_head(name, card)


def find_head(name: str) -> Path:
    """The folder of a head: a shipped name, a folder, or a run that has ``head`` in it.

    Raises:
        UnknownName: if it is none of these.
    """
    return _KIND.find(name)


def write_head(folder: Path, card: HeadCard, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Keep a head in a folder, which is made if need be, in half precision."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: np.ascontiguousarray(tensor, np.float16) for name, tensor in tensors.items()}
    save_file(halves, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors writes for the owner only
    (folder / CARD).write_text(json.dumps(asdict(card), indent=2) + "\n", encoding="utf-8")


def read_head_card(folder: Path) -> HeadCard:
    """Read a head's card.

    Raises:
        EncoderError: if it is missing or cannot be read.
    """
    return read_card(HeadCard, folder / CARD, "head")


@lru_cache(maxsize=4)
def _load(folder: Path, changed: int) -> Head:
    """Read a head once, and again after its weights changed."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    card = read_head_card(folder)
    try:
        return Head(card, load_file(folder / WEIGHTS))
    except (OSError, SafetensorError) as err:
        raise EncoderError(f"{folder / WEIGHTS} cannot be loaded: {err}") from err


def _check(card: HeadCard, tensors: Mapping[str, NDArray[float32]]) -> None:
    if set(tensors) != {*STAGE_1, *STAGE_2}:
        odd = sorted(set(tensors) ^ {*STAGE_1, *STAGE_2})
        raise EncoderError(f"the head {card.name} needs exactly its own tensors; missing or odd: {odd}")
    width = len(tensors["image.bias"])
    fits = (
        tensors["text.bias"].shape == (width,)
        and tensors["image.weight"].shape
        == tensors["text.weight"].shape
        == (width, tensors["image.weight"].shape[-1])
        and _fits(tensors, "sentence", width, width)
        and _fits(tensors, "clauses", 2 * width, 2 * width)
        and 0 < card.kept <= width
    )
    if not fits:
        raise EncoderError(f"the tensors of the head {card.name} do not fit each other, or codes of {width}")


def _fits(tensors: Mapping[str, NDArray[float32]], encoder: str, taken: int, given: int) -> bool:
    hidden = len(tensors[f"{encoder}.0.bias"])
    return (
        tensors[f"{encoder}.0.weight"].shape == (hidden, taken)
        and tensors[f"{encoder}.1.weight"].shape == (given, hidden)
        and tensors[f"{encoder}.1.bias"].shape == (given,)
    )


def _fingerprint(card: HeadCard, tensors: Mapping[str, NDArray[float32]]) -> str:
    digest = hashlib.sha256(f"{card.image_fingerprint} kept {card.kept}\n".encode())
    for name in ("image.weight", "image.bias"):
        digest.update(f"{name} {tensors[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(tensors[name], "<f4").tobytes())
    return digest.hexdigest()[:DIGITS]


def _unit(rows: NDArray[float32]) -> NDArray[float32]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1), float32)
