"""The use-case of deriving: stored embeddings → a head's sparse codes, without reading a picture again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from medneg.search import require_space

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.encoders import Head
    from medneg.values import EncoderCard

_BLOCK = 4096

NO_TEXT_TOWER = ""
"""The text fingerprint of a space of codes: no words are encoded into it but by way of the base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What `medneg embed` did.

    Attributes:
        head: its name.
        code_fingerprint: of the space that the codes are in.
        derived: images that got a code now.
        kept: images that had theirs already.
    """

    head: str
    code_fingerprint: str
    derived: int
    kept: int


def derive_codes(
    archive: Archive, card: EncoderCard, head: Head, *, progress: Callable[[int, int], None] | None = None
) -> Derived:
    """Give every embedded image of an archive its code, unless it has one. Run again, it does what is new.

    Args:
        archive: holds embeddings of the encoder.
        card: of the encoder that the head stands behind.
        head: makes codes of embeddings.
        progress: called with (done, total) images.

    Raises:
        ArchiveError: if the archive holds no embeddings.
        SpaceMismatch: if the archive was embedded by other encoders only.
    """
    require_space(archive, card)
    archive.register(code_card(card, head))
    every = archive.matrix(card.image_fingerprint).ids
    waiting = np.setdiff1d(every, _coded(archive, head))
    done = 0
    for start in range(0, len(waiting), _BLOCK):
        ids = waiting[start : start + _BLOCK].tolist()
        codes = head.encode_images(archive.vectors(card.image_fingerprint, ids))
        done += archive.add_vectors(head.code_fingerprint, ids, codes)
        if progress is not None:
            progress(min(start + _BLOCK, len(waiting)), len(waiting))
    return Derived(
        head=head.card.name,
        code_fingerprint=head.code_fingerprint,
        derived=done,
        kept=len(every) - len(waiting),
    )


def code_card(card: EncoderCard, head: Head) -> EncoderCard:
    """What the archive keeps of a space of codes: whose they are, and under which licence."""
    return replace(
        card,
        name=f"{card.name}/{head.card.name}",
        width=head.width,
        image_fingerprint=head.code_fingerprint,
        text_fingerprint=NO_TEXT_TOWER,
        licence=head.card.licence,
        notice=head.card.notice,
    )


def _coded(archive: Archive, head: Head) -> NDArray[int64]:
    """Ids of the images that have a code."""
    there = {space.image_fingerprint for space in archive.spaces() if space.count}
    if head.code_fingerprint not in there:
        return np.empty(0, int64)
    return archive.matrix(head.code_fingerprint).ids
