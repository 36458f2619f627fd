"""What text tuning learns from: an archive's image embeddings, read once, and what is known of the images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from medneg.errors import ArchiveError, UnknownName
from medneg.evaluation.archives import Source, labelled_gallery, labelled_states
from medneg.evaluation.truth import Truth
from medneg.query.lexicon import lexicon

if TYPE_CHECKING:
    from finetune.tuning_recipe import TuningRecipe
    from medneg.archive import Archive
    from medneg.encoders import Encoder

WATCHED = 0.1
"""Share of the people whose images are not trained on but watched."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embedded:
    """Images as a text tower meets them.

    Attributes:
        vectors: unit image embeddings, shape (n, d).
        truth: of the same n images.
        concepts: lexicon ids that prompts may name: the labelled findings, and wider ones that the labels
            decide.
        ids: numbers of the images in their archive, shape (n,); None where they come from none.
        pixels: prepared pictures, bytes, shape (n, size, size); None where nothing looks at them.
    """

    vectors: NDArray[float32]
    truth: Truth
    concepts: tuple[str, ...]
    ids: Rows | None = None
    pixels: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    def digest(self) -> str:
        """A name for exactly these embeddings, labels and concepts."""
        told = hashlib.sha256(" ".join((*self.truth.findings, "|", *self.concepts)).encode())
        for table in (self.vectors, self.truth.present, self.truth.absent):
            told.update(np.ascontiguousarray(table).tobytes())
        return told.hexdigest()

    def askable(self) -> Embedded:
        """The same images with those concepts of which some images show one and some lack it.

        Raises:
            ArchiveError: if there is none.
        """
        shows, lacks = self.truth.shows, self.truth.lacks
        both = tuple(c for c in self.concepts if shows(c).any() and lacks(c).any())
        if not both:
            raise ArchiveError(
                f"no finding is there in some of the {len(self)} images to learn from and missing in others; "
                "give more images"
            )
        return replace(self, concepts=both)

    def rows(self, chosen: NDArray[np.bool_] | Rows) -> Embedded:
        """Some of the images."""
        truth = replace(
            self.truth,
            present=self.truth.present[chosen],
            absent=self.truth.absent[chosen],
            patients=self.truth.patients[chosen],
            _kept={},
        )
        return replace(
            self,
            vectors=self.vectors[chosen],
            truth=truth,
            ids=None if self.ids is None else self.ids[chosen],
            pixels=None if self.pixels is None else self.pixels[chosen],
        )


def read_embedded(
    archive: Archive, encoder: Encoder, *, findings: Sequence[str] = (), source: Source = "manifest"
) -> Embedded:
    """Read all labelled images of an archive.

    Args:
        archive: embedded by ``encoder``'s image tower.
        encoder: the base.
        findings: names of the findings to tune on; empty for all that are labelled, wider ones included.
        source: whose labels to believe.

    Raises:
        UnknownName: if a finding is not in the lexicon.
        ArchiveError: if the labels do not know both states of a finding that was asked for.
    """
    vectors, truth = labelled_gallery(archive, encoder, source)
    words = lexicon()
    asked = []
    for name in findings:
        found = words.resolve(name)
        if found is None:
            raise UnknownName("finding", name, [finding.name for finding in words.findings])
        asked.append(found)
    wider = {above for finding in truth.findings for above in words.ancestors(finding)}
    candidates = tuple(asked) or (*truth.findings, *sorted(wider - set(truth.findings)))
    both = tuple(c for c in candidates if truth.shows(c).any() and truth.lacks(c).any())
    if missing := set(asked) - set(both):
        raise ArchiveError(
            f"the labels of the archive do not know images with and without {', '.join(sorted(missing))}; "
            f"they know {', '.join(truth.findings)}"
        )
    ids = np.array(list(labelled_states(archive, encoder, source)))
    return Embedded(vectors=vectors, truth=truth, concepts=both, ids=ids)


def split(data: Embedded, *, seed: int) -> tuple[Embedded, Embedded]:
    """Training images and watched ones; nobody's images are in both."""
    people = np.unique(data.truth.patients)
    order = default_rng([seed, 1]).permutation(people)
    watched = np.isin(data.truth.patients, order[: max(1, round(WATCHED * len(order)))])
    return data.rows(~watched), data.rows(watched)


def balanced(data: Embedded, images: int, *, seed: int) -> Embedded:
    """``images`` images, drawn so that the first concept is there in half of them (CON2's protocol)."""
    rng = default_rng([seed, 2])
    concept = data.concepts[0]
    half = images // 2
    parts = []
    for state, wanted in ((data.truth.shows(concept), half), (data.truth.lacks(concept), images - half)):
        rows = np.flatnonzero(state)
        if len(rows) < wanted:
            raise ArchiveError(
                f"{images} images, half of them with {concept.replace('_', ' ')}, need {wanted} of each "
                f"state; the archive has {len(rows)} of one"
            )
        parts.append(rng.choice(rows, wanted, replace=False))
    return data.rows(np.sort(np.concatenate(parts)))


def draw_images(data: Embedded, images: int, *, seed: int) -> Embedded:
    """At most ``images`` images, whatever they show."""
    if images >= len(data):
        return data
    return data.rows(np.sort(default_rng([seed, 3]).choice(len(data), images, replace=False)))


def prepare_data(
    archive: Archive, encoder: Encoder, recipe: TuningRecipe, *, source: Source = "manifest"
) -> tuple[Embedded, Embedded]:
    """What a recipe learns from, and what it is watched on: other people's images of the same archive."""
    known = read_embedded(archive, encoder, findings=recipe.findings, source=source)
    learnt, watched = split(known, seed=recipe.seed)
    if recipe.images is None:
        return learnt, watched
    # About one finding, half of the images show it (the protocol of the CON2 paper).
    draw = balanced if len(recipe.findings) == 1 else draw_images
    return draw(learnt, recipe.images, seed=recipe.seed), watched


class Twins:
    """Images that differ from another in exactly one concept: what "A but no B" has to be told from."""

    def __init__(self, data: Embedded) -> None:
        self._labels = data.truth.present
        self._findings = data.truth.findings
        self._by_labels: dict[bytes, list[int]] = {}
        for row, labels in enumerate(self._labels):
            self._by_labels.setdefault(labels.tobytes(), []).append(row)

    def of(self, row: int, concept: str, rng: Generator) -> int | None:
        """An image labelled like ``row`` but for one finding that is, or is a kind of, the concept.

        Returns:
            None where the archive has none.
        """
        kinds = {concept, *lexicon().descendants(concept)}
        columns = [column for column, finding in enumerate(self._findings) if finding in kinds]
        for column in rng.permutation(columns):
            labels = self._labels[row].copy()
            labels[column] = not labels[column]
            if found := self._by_labels.get(labels.tobytes()):
                return found[int(rng.integers(len(found)))]
        return None
