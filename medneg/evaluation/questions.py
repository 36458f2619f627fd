"""The questions of the benchmark, and the true answer to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from medneg.query import lexicon, parse
from medneg.scoring import TextTower
from medneg.values import EncoderCard, Mention, Query


class RememberingTower:
    """A text tower that encodes each sentence once: hundreds of questions share a few hundred phrases."""

    def __init__(self, tower: TextTower) -> None:
        self._tower = tower
        self._rows: dict[str, NDArray[np.float32]] = {}

    @property
    def card(self) -> EncoderCard:
        """The card of the tower that encodes."""
        return self._tower.card

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (t, d)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if new:
            self._rows |= dict(zip(new, self._tower.encode_texts(new), strict=True))
        return np.stack([self._rows[text] for text in texts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """A query with its truth over the gallery, shape (n,) each.

    Attributes:
        query: as the parser reads it.
        wanted: pictures that show everything that is wanted.
        excluded: pictures that show anything that is not.
    """

    query: Query
    wanted: NDArray[np.bool_]
    excluded: NDArray[np.bool_]

    @property
    def relevant(self) -> NDArray[np.bool_]:
        """Pictures that answer the question."""
        answers: NDArray[np.bool_] = self.wanted & ~self.excluded
        return answers


def ask(words: str, labels: NDArray[np.bool_], findings: Sequence[str]) -> Question:
    """Parse a query and look up its truth; side, size and place words are not judged.

    Args:
        labels: shape (n, findings).
        findings: lexicon ids of the columns.

    Raises:
        ValueError: if the query names a finding of which the labels say nothing.
    """
    query = parse(words)
    nothing = np.zeros((1, len(labels)), bool)
    wanted = [shows(mention, labels, findings) for mention in query.affirmed]
    excluded = [shows(mention, labels, findings) for mention in query.negated]
    return Question(
        query=query,
        wanted=np.asarray(np.vstack([~nothing, *wanted]).all(axis=0)),
        excluded=np.asarray(np.vstack([nothing, *excluded]).any(axis=0)),
    )


def shows(mention: Mention, labels: NDArray[np.bool_], findings: Sequence[str]) -> NDArray[np.bool_]:
    """Pictures with a finding or any kind of it, shape (n,)."""
    if mention.finding is None or not columns_of(mention.finding, findings):
        raise ValueError(f"the labels say nothing of {mention.text!r}; they know {', '.join(findings)}")
    return concept_labels(mention.finding, labels, findings)


def concept_labels(concept: str, labels: NDArray[np.bool_], findings: Sequence[str]) -> NDArray[np.bool_]:
    """Pictures that show a concept of the lexicon or any kind of it, shape (n,)."""
    return np.asarray(labels[:, columns_of(concept, findings)].any(axis=1))


def columns_of(concept: str, findings: Sequence[str]) -> list[int]:
    """Columns of the labels that are a concept or a kind of it."""
    kinds = {concept, *lexicon().descendants(concept)}
    return [column for column, finding in enumerate(findings) if finding in kinds]


def pair_questions(labels: NDArray[np.bool_], findings: Sequence[str]) -> tuple[Question, ...]:
    """ "A but no B" for all ordered pairs of findings that are not kinds of one another."""
    name = {finding: lexicon().finding(finding).prompt for finding in findings}
    pairs = [
        (a, b)
        for a, b in permutations(findings, 2)
        if a not in lexicon().descendants(b) and b not in lexicon().descendants(a)
    ]
    return tuple(ask(f"{name[a]} but no {name[b]}", labels, findings) for a, b in pairs)
