"""No head at all: exclusion encoders on the embeddings themselves, the paper's ablation "with CLIP base"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy import float32
from numpy.typing import NDArray

from medneg.encoders.heads import refined, weighed
from medneg.values import EncoderCard


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawHead:
    """Behind ``medneg.scoring.ExclusionHead``: a code is the embedding as it is.

    Attributes:
        card: of the encoder.
        tensors: of the exclusion encoders, under a head's names.
    """

    card: EncoderCard
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def code_fingerprint(self) -> str:
        """The image tower's own space."""
        return self.card.image_fingerprint

    def encode_images(self, embeddings: NDArray[float32]) -> NDArray[float32]:
        """The embeddings."""
        return embeddings

    def encode_texts(self, embeddings: NDArray[float32]) -> NDArray[float32]:
        """The embeddings."""
        return embeddings

    def refine(self, code: NDArray[float32]) -> NDArray[float32]:
        """See ``medneg.encoders.heads.Head.refine``."""
        return refined(self.tensors, code)

    def weigh(
        self, wanted: NDArray[float32], unwanted: NDArray[float32]
    ) -> tuple[NDArray[float32], NDArray[float32]]:
        """See ``medneg.encoders.heads.Head.weigh``."""
        return weighed(self.tensors, wanted, unwanted)
