"""Questions with their true answers, and a text tower that remembers what it has encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.evaluation.pools import POOLS, Rows, balanced_pool, hard_pool
from medneg.evaluation.truth import Flags, Truth
from medneg.evaluation.wordings import Asked, Parse, Wording, read_words, understood
from medneg.query import parse
from medneg.scoring import TextTower
from medneg.values import EncoderCard, Query

Kind = Literal[
    "affirmed",
    "two-affirmed",
    "negated",
    "normality",
    "exclusion",
    "two-wanted",
    "two-excluded",
    "uncertain",
    "named",
]


BATCH = 128
"""Sentences that are encoded at a time."""


class RememberingTower:
    """A text tower that encodes each sentence once: hundreds of questions share a few hundred phrases."""

    def __init__(self, tower: TextTower) -> None:
        self._tower = tower
        self._rows: dict[str, NDArray[np.float32]] = {}

    @property
    def card(self) -> EncoderCard:
        """The card of the tower that encodes."""
        return self._tower.card

    def remember(self, texts: Sequence[str]) -> None:
        """Encode sentences that will be asked for one by one, many at a time."""
        for start in range(0, len(texts), BATCH):
            self.encode_texts(texts[start : start + BATCH])

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (t, d)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if new:
            self._rows |= dict(zip(new, self._tower.encode_texts(new), strict=True))
        return np.stack([self._rows[text] for text in texts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """A query with its truth over a gallery of n pictures.

    Attributes:
        kind, wording: what it asks, and how.
        asked: what it means.
        query: as it was read; ``understood`` tells whether that is what it means.
        rows: the pictures of which everything that is asked is known, shape (m,), m ≤ n.
        wanted: pictures that show everything that is wanted, shape (n,).
        excluded: pictures that show anything that is not, shape (n,).
        pools: smaller galleries drawn from ``rows``, shape (pools, size); without rows where too few
            pictures are of a kind.
    """

    kind: Kind
    wording: Wording
    asked: Asked
    query: Query
    understood: bool
    rows: Rows
    wanted: Flags
    excluded: Flags
    pools: Rows

    @property
    def relevant(self) -> Flags:
        """Pictures that answer the question, shape (n,)."""
        return self.wanted & ~self.excluded


def put(
    words: str, asked: Asked, truth: Truth, *, kind: Kind, wording: Wording, how: Parse, rng: Generator
) -> Question:
    """Ask ``asked`` in some words.

    Pools are hard where something is wanted and something is not, balanced where something is merely not to
    be there, and none where nothing is excluded.
    """
    query = read_words(words, asked, how)
    known = truth.all_known(asked.findings)
    wanted, excluded = answers(asked, truth)
    pools = np.empty((0, 0), np.int64)
    if asked.unwanted:
        drawn = [
            hard_pool(wanted, excluded, rng, among=known)
            if asked.wanted
            else balanced_pool(excluded, rng, among=known)
            for _ in range(POOLS)
        ]
        kept = [pool for pool in drawn if pool is not None]
        pools = np.stack(kept) if kept else pools
    return Question(
        kind=kind,
        wording=wording,
        asked=asked,
        query=query,
        understood=understood(query, asked),
        rows=np.flatnonzero(known),
        wanted=wanted,
        excluded=excluded,
        pools=pools,
    )


def answers(asked: Asked, truth: Truth) -> tuple[Flags, Flags]:
    """Pictures that show everything wanted, and those that show anything unwanted, shape (n,) each."""
    wanted, excluded = np.ones(len(truth), bool), np.zeros(len(truth), bool)
    for finding in asked.wanted:
        wanted &= truth.shows(finding)
    for finding in asked.unwanted:
        excluded |= truth.shows(finding)
    return wanted, excluded


def named(words: str, truth: Truth, *, how: Parse, rng: Generator) -> Question | None:
    """A question that a person wrote, if the labels know all its findings; what it means is what is read."""
    query = parse(words)
    ids = {
        polarity: tuple(mention.finding or "" for mention in mentions)
        for polarity, mentions in (("wanted", query.affirmed), ("unwanted", query.negated))
    }
    asked = Asked(wanted=ids["wanted"], unwanted=ids["unwanted"])
    if not all(finding and truth.knows(finding) for finding in asked.findings):
        return None
    return put(words, asked, truth, kind="named", wording="natural", how=how, rng=rng)
