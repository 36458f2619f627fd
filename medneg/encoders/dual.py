"""The encoder that all families share: two towers, one normalisation, NumPy in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import normalize

from medneg.encoders.checkpoint import Papers, Preprocessing
from medneg.encoders.fingerprints import image_fingerprint, text_fingerprint
from medneg.encoders.insides import AttentionLayer, Places
from medneg.values import EncoderCard

IMAGE_BATCH = 32
TEXT_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Towers:
    """What a family makes of its checkpoint.

    Attributes:
        module: holds the parameters of both towers, under the names of the two states.
        encode_pixels: normalised pictures, shape (n, 3, size, size), to embeddings of any length, (n, d).
        encode_tokens: token ids, shape (t, context), to embeddings, (t, d).
        tokenize: sentences to token ids, cut and padded to the context.
        vocabulary: token to id.
        image_state, text_state: the tensors of each tower, without the logit scale; they share the
            module's memory.
        image_architecture, text_architecture: what the tensors do not say.
        width: d.
        cuts_padding: whether ``encode_tokens`` gives the same embeddings when columns after every sentence's
            end are left out: nothing attends to them.
        token_embedding: token ids, shape (t, context), to the text tower's first vectors, (t, context, w).
        unknown: the id of the token that stands for unknown words, if the vocabulary has one.
        attention: of the text tower, layer by layer; none where heads cannot be told apart.
        places: of the image tower; None where it is not known which layer that is.
    """

    module: Module
    encode_pixels: Callable[[Tensor], Tensor]
    encode_tokens: Callable[[Tensor], Tensor]
    tokenize: Callable[[list[str]], Tensor]
    vocabulary: Mapping[str, int]
    image_state: Mapping[str, Tensor]
    text_state: Mapping[str, Tensor]
    image_architecture: Mapping[str, object]
    text_architecture: Mapping[str, object]
    preprocessing: Preprocessing
    width: int
    cuts_padding: bool
    token_embedding: Module
    unknown: int | None
    attention: tuple[AttentionLayer, ...]
    places: Places | None

    def cut(self, ids: Tensor) -> Tensor:
        """Leave out the columns that pad every sentence, shape (t, context) to (t, longest)."""
        if not self.cuts_padding:
            return ids
        told = (ids != ids[:, -1:].min()).any(0).nonzero()
        # One column more: where the end token pads too (OpenAI's CLIP), the longest sentence needs it.
        return ids[:, : int(told.max()) + 2]


class DualEncoder:
    """Two towers behind ``medneg.encoders.Encoder``: float32, and the same input gives the same rows."""

    def __init__(self, name: str, towers: Towers, papers: Papers) -> None:
        self.towers = towers
        self.card = make_card(name, towers, papers)
        self._mean = torch.tensor(towers.preprocessing.mean).view(1, 3, 1, 1)
        self._std = torch.tensor(towers.preprocessing.std).view(1, 3, 1, 1)

    def to(self, device: str) -> None:
        """Encode on another device from now on; images and sentences come and go as NumPy arrays still."""
        self.towers.module.to(device)
        self._mean, self._std = self._mean.to(device), self._std.to(device)

    @torch.inference_mode()
    def encode_images(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed grey pictures of shape (n, size, size) in [0, 1] as unit rows (n, d).

        Raises:
            ValueError: if the pictures have another shape or type.
        """
        size = self.card.input.size
        if pixels.ndim != 3 or pixels.shape[1:] != (size, size) or pixels.dtype != np.float32:
            raise ValueError(
                f"{self.card.name} takes float32 pictures of shape (n, {size}, {size}); "
                f"got {pixels.dtype} of shape {pixels.shape}"
            )
        batches = (pixels[i : i + IMAGE_BATCH] for i in range(0, len(pixels), IMAGE_BATCH))
        return self._rows(self.towers.encode_pixels(self.normalised(batch)) for batch in batches)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences as unit rows (t, d); what exceeds the context is cut off.

        Raises:
            TypeError: if one string is given in place of several.
        """
        if isinstance(texts, str):
            raise TypeError(f"encode_texts takes a sequence of sentences; got one string, {texts!r}")
        batches = (list(texts[i : i + TEXT_BATCH]) for i in range(0, len(texts), TEXT_BATCH))
        ids = (self.towers.tokenize(batch).to(self._mean.device) for batch in batches)
        return self._rows(self.towers.encode_tokens(tokens) for tokens in ids)

    def normalised(self, batch: NDArray[np.float32]) -> Tensor:
        """Grey pictures, shape (n, size, size), as the image tower takes them, (n, 3, size, size)."""
        grey = torch.from_numpy(np.ascontiguousarray(batch)).unsqueeze(1)  # n s s -> n 1 s s
        grey = grey.to(self._mean.device)
        return (grey - self._mean) / self._std  # n 1 s s -> n 3 s s, one grey value in all three channels

    def _rows(self, batches: Iterator[Tensor]) -> NDArray[np.float32]:
        rows = [normalize(batch.float(), dim=1).cpu().numpy() for batch in batches]
        return np.concatenate([np.empty((0, self.card.width), np.float32), *rows])


def make_card(name: str, towers: Towers, papers: Papers) -> EncoderCard:
    """Describe an encoder; its fingerprints cost one SHA-256 over its weights."""
    return EncoderCard(
        name=name,
        width=towers.width,
        input=towers.preprocessing.input,
        image_fingerprint=image_fingerprint(
            towers.image_state,
            architecture=towers.image_architecture,
            preprocessing=towers.preprocessing,
        ),
        text_fingerprint=text_fingerprint(
            towers.text_state,
            architecture=towers.text_architecture,
            vocabulary=towers.vocabulary,
            tokenize=towers.tokenize,
        ),
        licence=papers.licence,
        notice=papers.notice,
        template=papers.template,
        findings=papers.findings,
    )
