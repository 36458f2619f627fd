"""What a report is made from: labelled images, models and the prompts that they are asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg import __version__
from medneg.diagnostics.diagnosis import Model, Tested
from medneg.diagnostics.hearing import WAYS
from medneg.diagnostics.parts import plain
from medneg.diagnostics.prompts import Prompt, draw_prompts, findings_of
from medneg.diagnostics.sizes import SIZES, Size, SizeName
from medneg.errors import ArchiveError, SpaceMismatch
from medneg.evaluation.archives import TRUTHS, Source, labelled_gallery, labelled_states
from medneg.evaluation.truth import Truth

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.encoders import Encoder
    from medneg.values import EncoderCard

REAL = "real radiographs"
"""What is untested where every image is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """What all parts of a report are made from.

    Attributes:
        encoders: share an image tower; the first is the base.
        images: unit embeddings of the labelled images, shape (n, d).
        ids: their keys in the archive.
        truth: of the same images.
        prompts: drawn on them.
    """

    archive: Archive
    encoders: Sequence[Encoder]
    images: NDArray[float32]
    ids: tuple[int, ...]
    truth: Truth
    prompts: tuple[Prompt, ...]
    size: Size
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """What the models are called; of several with one name, the later ones get a number."""
        given = [encoder.card.name for encoder in self.encoders]
        before = [given[:place].count(name) for place, name in enumerate(given)]
        return tuple(
            f"{name} ({count + 1})" if count else name for name, count in zip(given, before, strict=True)
        )

    def rng(self) -> np.random.Generator:
        """Every part draws from its own, so that a kept part changes no other."""
        return np.random.default_rng(self.seed)

    def basis(self) -> dict[str, object]:
        """What names the parts that are made from it, as plain values."""
        told = hashlib.sha256()
        for array in (self.images, self.truth.present, self.truth.absent, self.truth.patients):
            told.update(np.ascontiguousarray(array).tobytes())
        return {
            "version": __version__,
            "space": self.encoders[0].card.image_fingerprint,
            "gallery": told.hexdigest(),
            "ids": self.ids,
            "findings": self.truth.findings,
            "size": plain(self.size),
            "seed": self.seed,
        }


def make_case(
    archive: Archive, encoders: Sequence[Encoder], *, size: SizeName, seed: int, truth: Source
) -> Case:
    """Gather what a report is made from; arguments and errors as for ``diagnose``."""
    if not encoders:
        raise ValueError("diagnose needs at least one encoder; got none")
    base = encoders[0]
    for other in encoders[1:]:
        if other.card.image_fingerprint != base.card.image_fingerprint:
            raise SpaceMismatch(
                f"{other.card.name} and {base.card.name} do not share an image tower, so they cannot be "
                "compared on the same embeddings; make a report of each"
            )
    images, known = labelled_gallery(archive, base, truth)
    if not findings_of(known):
        raise ArchiveError("the archive's labels name no finding and no device, so nothing can be asked for")
    return Case(
        archive=archive,
        encoders=encoders,
        images=images,
        ids=tuple(labelled_states(archive, base, truth)),
        truth=known,
        prompts=draw_prompts(known, SIZES[size], np.random.default_rng(seed)),
        size=SIZES[size],
        seed=seed,
    )


def tested(case: Case, truth: Source) -> Tested:
    """What was tested, on what."""
    method, space = WAYS["parsed"]
    asked = dict.fromkeys(
        finding for prompt in case.prompts if prompt.group.kind == "X" for finding in prompt.asked.findings
    )
    rows = case.archive.images(case.ids)
    return Tested(
        images=len(rows),
        patients=len({row.patient for row in rows}),
        phantoms=sum(row.phantom for row in rows),
        truth=TRUTHS[truth],
        findings=tuple(asked),
        left_out=tuple(finding for finding in findings_of(case.truth) if finding not in asked),
        prompts=len(case.prompts),
        size=case.size.name,
        seed=case.seed,
        version=__version__,
        method=method,
        space=space,
    )


def model_of(name: str, card: EncoderCard) -> Model:
    """What a report says of a model under test."""
    return Model(
        name=name,
        licence=card.licence,
        notice=card.notice,
        image_fingerprint=card.image_fingerprint,
        text_fingerprint=card.text_fingerprint,
    )
