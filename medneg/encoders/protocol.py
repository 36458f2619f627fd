"""What the rest of medneg asks of a dual encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from medneg.values import EncoderCard

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


class Encoder(Protocol):
    """Two towers that map radiographs and sentences into one space of unit vectors."""

    @property
    def card(self) -> EncoderCard:
        """Name, width, input, fingerprints and licence."""
        ...

    def encode_images(self, pixels: NDArray[float32]) -> NDArray[float32]:
        """Embed grey pictures.

        Args:
            pixels: shape (n, size, size) with ``card.input.size``, in [0, 1], bone bright.

        Returns:
            Unit rows, shape (n, d).
        """
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[float32]:
        """Embed sentences; what exceeds the text tower's context is cut off.

        Returns:
            Unit rows, shape (t, d).
        """
        ...
