"""The straight line from a baseline to a sentence, through the token embeddings of a text tower."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy import float32, float64
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from medneg.diagnostics.attribution import MAX_GAP
from medneg.encoders.dual import Towers
from medneg.encoders.insides import answering

POINTS = 8
"""Points of a piece of the line at which gradients are taken."""

HALVINGS = 8
"""How often a piece may be halved."""

BATCH = 64
"""Points that go through the tower at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A piece of the line, from one place in [0, 1] to another.

    Attributes:
        columns: what each token adds on it, shape (length,).
        missing: by how much that falls short of, or exceeds, what the score gains on it.
    """

    ends: tuple[float, float]
    columns: NDArray[float64]
    missing: float

    @property
    def halves(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The ends of its two halves."""
        middle = sum(self.ends) / 2
        return (self.ends[0], middle), (middle, self.ends[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Integral:
    """The whole line.

    Attributes:
        columns: what each token adds, shape (length,).
        gap: what is missing of the pieces, added up without their signs, as a share of the difference between
            the line's ends: never less than the completeness gap.
        points: at how many gradients were taken.
    """

    columns: NDArray[float64]
    gap: float
    points: int


class Path:
    """Integrated gradients of one sentence's cosine with a direction.

    What ``captum.attr.LayerIntegratedGradients`` does on the token embedding, but for two things: baselines
    need be no tokens, and the ids that go with them are the sentence's own, for a tower reads from its ids
    where the sentence ends and what is padding.

    Attributes:
        start, end: the scores of the baseline and of the sentence.
    """

    def __init__(
        self,
        towers: Towers,
        sentence: str,
        direction: NDArray[float32],
        *,
        untold: Sequence[tuple[int, int]],
        filler: int | None,
    ) -> None:
        """Lay the line.

        Args:
            towers: whose text tower reads.
            sentence: what it reads.
            direction: unit, shape (d,).
            untold: the columns, from and to, that say nothing at the start of the line.
            filler: the token that says nothing; None for a vector of zeros.
        """
        self._towers = towers
        self._direction = torch.from_numpy(np.array(direction, float32))
        with torch.no_grad():
            self._ids = towers.cut(towers.tokenize([sentence]))
            self._told = towers.token_embedding(self._ids).detach()
            self._untold = self._told.clone()
            for first, last in untold:
                self._untold[:, first:last] = 0 if filler is None else self._embedding(filler)
            self.start, self.end = self._score(torch.cat([self._untold, self._told])).tolist()

    def integrate(self) -> Integral:
        """Integrate along the line, in pieces.

        Every piece is complete by itself: its columns add up to what the score gains on it. Where they do
        not, it is halved, so that points gather where the tower turns.
        """
        kept: list[Piece] = []
        ends, points = [(0.0, 1.0)], 0
        for _ in range(HALVINGS + 1):
            pieces = kept + self._pieces(ends)
            points += POINTS * len(ends)
            gap = share_of(sum(piece.missing for piece in pieces), self.end - self.start)
            if gap < MAX_GAP:
                break
            limit = MAX_GAP * abs(self.end - self.start) / (2 * len(pieces))
            kept = [piece for piece in pieces if piece.missing <= limit]
            ends = [half for piece in pieces if piece.missing > limit for half in piece.halves]
        return Integral(columns=np.sum([piece.columns for piece in pieces], axis=0), gap=gap, points=points)

    def _pieces(self, ends: Sequence[tuple[float, float]]) -> list[Piece]:
        """Integrate over pieces of the line, by Gauss and Legendre's rule."""
        nearer, farther = (
            torch.cat([torch.lerp(self._untold, self._told, place) for place in places])
            for places in zip(*ends, strict=True)
        )
        found = IntegratedGradients(self._score).attribute(
            farther, nearer, n_steps=POINTS, internal_batch_size=BATCH
        )
        columns = found.sum(dim=-1).double().numpy()
        with torch.no_grad():
            gained = (self._score(farther) - self._score(nearer)).double().numpy()
        missing = np.abs(columns.sum(axis=1) - gained)
        return [
            Piece(ends=each, columns=row, missing=float(lack))
            for each, row, lack in zip(ends, columns, missing, strict=True)
        ]

    def _score(self, embedded: Tensor) -> Tensor:
        """Cosines with the direction, shape (m, length, w) to (m,)."""
        with answering(self._towers.token_embedding, embedded):
            told = self._towers.encode_tokens(self._ids.expand(len(embedded), -1))
        return normalize(told.float(), dim=1) @ self._direction

    def _embedding(self, token: int) -> Tensor:
        found: Tensor = self._towers.token_embedding(torch.tensor([token]))
        return found


def columns_of(towers: Towers, sentence: str, ends: Sequence[int]) -> list[tuple[int, int]]:
    """Where the tokens of each word stand, from and to.

    Any tokenizer tells: by how many tokens a longer beginning of the sentence has more than a shorter one.
    What is cut off, or dropped as some tokenizers drop punctuation, has no columns.

    Args:
        towers: whose tokenizer it is.
        sentence: whole.
        ends: where its words end, ascending; everything but blanks belongs to a word.
    """
    rows = towers.tokenize(["", *(sentence[:end] for end in ends)]).numpy()
    lengths = np.maximum.accumulate((rows != padding_of(towers)).sum(axis=1))
    # Before the first word stands what an empty sentence begins with, too.
    front = int(np.cumprod(rows[0] == rows[-1]).sum())
    places = (front + lengths - lengths[0]).tolist()
    return list(itertools.pairwise(places))


def share_of(missing: float, difference: float) -> float:
    """A gap as a share of the difference that was to be shared out; infinite where there is none."""
    if difference == 0:
        return 0.0 if missing == 0 else float("inf")
    return missing / abs(difference)


def padding_of(towers: Towers) -> int:
    """The token that fills most of an empty sentence's row."""
    return int(np.bincount(towers.tokenize([""])[0].numpy()).argmax())
