"""What stage 1 and stage 2 read: captions of images, and quadruples of queries and images, from labels.

A quadruple after ExcluCOCO's recipe (the paper's section 4): of what one image shows, some findings are
included and others excluded. The positive query names them all, and its image is that one; the exclusion
query's images show the included and lack the excluded ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from finetune.captions import BARE, CARRIERS
from finetune.embedded import Embedded
from finetune.wordings import carriers, name
from medneg.evaluation.truth import related
from medneg.query.lexicon import lexicon

EACH = 2
"""Captions of an image."""

WIDER = 0.2
"""How often a caption calls a finding by a wider concept ("calcification")."""

SECOND = 0.25
"""How often a quadruple includes a second finding; as often, by itself, it excludes a second one."""

TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Captions:
    """Sentences about images.

    Attributes:
        texts: c sentences.
        rows: shape (c,), the image of each.
        claims: bool (c, concepts), what each says is there; true of more images than its own.
    """

    texts: tuple[str, ...]
    rows: NDArray[np.int64]
    claims: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quadruple:
    """A positive and an exclusion query with their images.

    Attributes:
        wanted, unwanted: concepts that are included and excluded.
        called: words for them, wanted first.
        positive, exclusion: the two queries.
        image: the positive one.
        answers: rows of the images that answer the exclusion query, at least one.
    """

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]
    called: tuple[str, ...]
    positive: str
    exclusion: str
    image: int
    answers: NDArray[np.int64]


def shown(data: Embedded) -> NDArray[np.bool_]:
    """Which concept each image shows, shape (n, concepts)."""
    return np.stack([data.truth.shows(concept) for concept in data.concepts], axis=1)


def write_captions(data: Embedded, *, seed: int) -> Captions:
    """``EACH`` sentences about every image; they name some or all of what it shows."""
    rng = default_rng([seed, 21])
    place = {concept: column for column, concept in enumerate(data.concepts)}
    texts, rows = [], np.repeat(np.arange(len(data)), EACH)
    claims = np.zeros((len(rows), len(data.concepts)), bool)
    present = data.truth.present
    choices = {
        finding: [one for one in (finding, *lexicon().ancestors(finding)) if one in place]
        for finding in data.truth.findings
    }
    for caption, row in enumerate(rows):
        here = [finding for finding, there in zip(data.truth.findings, present[row], strict=True) if there]
        told = [_concept(choices[finding], rng) for finding in _some(here, rng) if choices[finding]]
        texts.append(_sentence([name(concept, rng) for concept in told], rng))
        for concept in told:
            claims[caption, place[concept]] = True
    return Captions(texts=tuple(texts), rows=rows, claims=claims)


def _some(here: list[str], rng: Generator) -> list[str]:
    """Some of an image's findings, at least one where there is any, in any order."""
    count = int(rng.integers(1, len(here) + 1)) if here else 0
    return [here[place] for place in rng.permutation(len(here))[:count]]


def _concept(choices: Sequence[str], rng: Generator) -> str:
    """The finding itself, the first of its names, or now and then a wider concept."""
    if len(choices) > 1 and rng.random() < WIDER:
        return choices[1 + int(rng.integers(len(choices) - 1))]
    return choices[0]


def _sentence(called: Sequence[str], rng: Generator) -> str:
    if not called:
        return BARE[int(rng.integers(len(BARE)))]
    return CARRIERS[int(rng.integers(len(CARRIERS)))].format(joined(called, "and"))


def joined(called: Sequence[str], word: str) -> str:
    """Several things in a sentence.

    Example:
        >>> joined(["effusion", "edema", "mass"], "or")
        'effusion, edema or mass'
    """
    *first, last = called
    return f"{', '.join(first)} {word} {last}" if first else last


def write_quadruples(data: Embedded, count: int, *, seed: int) -> tuple[Quadruple, ...]:
    """Draw quadruples that the images can answer.

    Raises:
        ValueError: if no image shows two findings of which another image shows just one.
    """
    rng = default_rng([seed, 22])
    concepts = shown(data)
    lacks = np.stack([data.truth.lacks(concept) for concept in data.concepts], axis=1)
    crowded = np.flatnonzero(concepts.sum(axis=1) > 1)
    found: list[Quadruple] = []
    for _ in range(TRIES * count):
        if len(found) == count or not len(crowded):
            break
        row = int(rng.choice(crowded))
        drawn = _pick(data, np.flatnonzero(concepts[row]), rng)
        if drawn is None:
            continue
        wanted, unwanted = drawn
        answers = np.flatnonzero(concepts[:, wanted].all(axis=1) & lacks[:, unwanted].all(axis=1))
        if len(answers):
            found.append(_put(data, wanted, unwanted, row, answers, rng))
    if not found:
        raise ValueError("no image shows two findings of which another image shows one without the other")
    return tuple(found)


def _pick(data: Embedded, here: NDArray[np.int64], rng: Generator) -> tuple[list[int], list[int]] | None:
    """Columns of concepts to include and to exclude, none a kind of another; None if there are too few."""
    order = [int(column) for column in rng.permutation(here)]
    kept: list[int] = []
    for column in order:
        if not any(related(data.concepts[column], data.concepts[other]) for other in kept):
            kept.append(column)
    included, excluded = (1 + int(rng.random() < SECOND) for _ in range(2))
    if len(kept) < 2:
        return None
    included = min(included, len(kept) - 1)
    return kept[:included], kept[included : included + excluded]


def _put(
    data: Embedded,
    wanted: list[int],
    unwanted: list[int],
    row: int,
    answers: NDArray[np.int64],
    rng: Generator,
) -> Quadruple:
    included, excluded = (tuple(data.concepts[column] for column in part) for part in (wanted, unwanted))
    a, b = ([name(concept, rng) for concept in part] for part in (included, excluded))
    told = carriers()
    both, without = (lines[int(rng.integers(len(lines)))] for lines in (told.both, told.exclusion))
    return Quadruple(
        wanted=included,
        unwanted=excluded,
        called=(*a, *b),
        positive=both.format(a=joined(a, "and"), b=joined(b, "and")),
        exclusion=without.format(a=joined(a, "and"), b=joined(b, "or")),
        image=row,
        answers=answers,
    )
