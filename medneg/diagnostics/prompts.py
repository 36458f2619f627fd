"""The prompts that a report asks: "X", "no X" and "A but no B", structured and natural, with their answers.

"X" and "no X" are the CON2 paper's 99 prompts (``medneg/assets/benchmark/con2.json``) about every finding,
"A but no B" are ExclusionBench's carriers about every ordered pair. Prompts about one finding or one pair
share their pools, so what is said of them is one unit of every interval and test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.diagnostics.sizes import Size
from medneg.evaluation.con2 import EACH
from medneg.evaluation.measuring import K
from medneg.evaluation.pools import CELL, POOLS, Rows, balanced_pool, hard_pool
from medneg.evaluation.questions import answers
from medneg.evaluation.truth import Flags, Truth, related
from medneg.evaluation.wordings import Asked, Wording, carriers, con2_prompts, fill
from medneg.query import lexicon, parse
from medneg.values import Query

PromptKind = Literal["X", "no X", "A but no B"]
KINDS: tuple[PromptKind, ...] = ("X", "no X", "A but no B")
WORDINGS: tuple[Wording, ...] = ("structured", "natural")
_OF_THE_PAPER: dict[PromptKind, str] = {"X": "positive", "no X": "negative"}


class Group(NamedTuple):
    """Prompts of one kind in one wording: a row of the table."""

    kind: PromptKind
    wording: Wording


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prompt:
    """A sentence with its truth over n images.

    Attributes:
        group: its row of the table.
        asked: what it means.
        query: as the parser reads it.
        wanted, excluded: images that show what is wanted, and what is not, shape (n,).
        pools: rows of the smaller galleries that are ranked, shape (pools, size).
    """

    group: Group
    asked: Asked
    query: Query
    wanted: Flags
    excluded: Flags
    pools: Rows

    @property
    def unit(self) -> str:
        """The finding, or the pair, that it is about: prompts of one unit are not independent."""
        return " / ".join(self.asked.findings)

    @property
    def right(self) -> Flags:
        """Images that answer it, shape (n,)."""
        return self.wanted & ~self.excluded


def draw_prompts(truth: Truth, size: Size, rng: Generator) -> tuple[Prompt, ...]:
    """Every prompt that a gallery can answer.

    Pools: as many images with a finding as without (at most 35 of each, at least 10; chance .5), or hard ones
    with as many of each of the four cells A yes/no × B yes/no (20, at least 10; chance .25 right, .5 with B).

    Args:
        truth: what is known of the gallery.
        size: how many to ask.
        rng: draws pools, pairs and carriers.
    """
    return (*_singles(truth, size, rng), *_pairs(truth, size, rng))


def findings_of(truth: Truth) -> list[str]:
    """The labelled findings and devices, without statements of normality."""
    words = lexicon()
    return [finding for finding in truth.findings if words.finding(finding).kind in ("finding", "device")]


def _singles(truth: Truth, size: Size, rng: Generator) -> Iterator[Prompt]:
    for finding in findings_of(truth):
        shown, known = truth.shows(finding), truth.all_known((finding,))
        pools = [balanced_pool(shown, rng, among=known, most=EACH) for _ in range(POOLS)]
        stacked = _stacked(pools, least=2 * K)
        if stacked is None:
            continue
        for kind, sign in _OF_THE_PAPER.items():
            asked = Asked(wanted=(finding,)) if kind == "X" else Asked(unwanted=(finding,))
            for wording in WORDINGS:
                choices = con2_prompts()[f"{wording} {sign}"]
                for carrier in _spread(choices, size.carriers):
                    words = carrier.format(x=lexicon().finding(finding).prompt)
                    yield _prompt(Group(kind, wording), words, asked, truth=truth, pools=stacked)


def _pairs(truth: Truth, size: Size, rng: Generator) -> Iterator[Prompt]:
    pairs = [pair for pair in permutations(findings_of(truth), 2) if not related(*pair)]
    turns = {wording: carriers()["exclusion"][wording] for wording in WORDINGS}
    chosen = [pairs[place] for place in sorted(rng.permutation(len(pairs))[: size.pairs])]
    for turn, (wanted, unwanted) in enumerate(chosen):
        asked = Asked(wanted=(wanted,), unwanted=(unwanted,))
        pools = _hard_pools(asked, truth, rng)
        if pools is not None:
            for wording, choices in turns.items():
                words = fill(choices[turn % len(choices)], asked)
                yield _prompt(Group("A but no B", wording), words, asked, truth=truth, pools=pools)


def _hard_pools(asked: Asked, truth: Truth, rng: Generator) -> Rows | None:
    wanted, excluded = answers(asked, truth)
    known = truth.all_known(asked.findings)
    cells = [
        int((known & (wanted == a) & (excluded == b)).sum()) for a in (True, False) for b in (True, False)
    ]
    cell = min(CELL, *cells)
    if cell < K:
        return None
    return _stacked([hard_pool(wanted, excluded, rng, among=known, cell=cell) for _ in range(POOLS)], least=K)


def _stacked(pools: Sequence[Rows | None], *, least: int) -> Rows | None:
    """The pools as one array; None where there are too few images for ten right ones."""
    kept = [pool for pool in pools if pool is not None and len(pool) >= least]
    return np.stack(kept) if kept else None


def _spread(choices: Sequence[str], count: int) -> list[str]:
    """Some of the carriers, evenly spaced, the first one among them."""
    places: NDArray[np.int64] = np.unique(
        np.linspace(0, len(choices) - 1, min(count, len(choices))).astype(int)
    )
    return [choices[place] for place in places]


def _prompt(group: Group, words: str, asked: Asked, *, truth: Truth, pools: Rows) -> Prompt:
    wanted, excluded = answers(asked, truth)
    return Prompt(group=group, asked=asked, query=parse(words), wanted=wanted, excluded=excluded, pools=pools)
