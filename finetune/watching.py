"""How well whole sentences are heard, by plain cosine, in wordings that are trained on and in others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from finetune.embedded import Embedded
from finetune.held_out import validation
from finetune.wordings import carriers
from medneg.evaluation.metrics import precision_at_k
from medneg.evaluation.pools import balanced_pool
from medneg.evaluation.truth import related
from medneg.query.lexicon import lexicon

Read = Callable[[Sequence[str]], Tensor]
K = 10
PAIRS = 60
"""Ordered pairs of findings that are watched at most."""

TURNS = 6
"""Carriers that ask of one finding; the next finding is asked in the next ones."""


def watch(data: Embedded, read: Read) -> dict[str, dict[str, float]]:
    """Precision@10 by plain cosine, by wordings (trained, unseen) and by kind ("X", "no X", "A but no B").

    "X" and "no X" are asked of pools with as many images of either kind, exclusions of all watched images.
    Carriers take turns. What the images cannot answer is left out.
    """
    trained = {
        "affirmed": [affirmed.replace("{x}", "{a}") for affirmed, _ in carriers().pairs],
        "negated": [negated.replace("{x}", "{b}") for _, negated in carriers().pairs],
        "exclusion": carriers().exclusion,
    }
    return {
        "trained wordings": _of(data, read, trained),
        "unseen wordings": _of(data, read, dict(validation())),
    }


def _of(data: Embedded, read: Read, sentences: dict[str, Sequence[str]]) -> dict[str, float]:
    found = {
        "X": _single(data, read, sentences["affirmed"], there=True),
        "no X": _single(data, read, sentences["negated"], there=False),
        "A but no B": _exclusion(data, read, sentences["exclusion"]),
    }
    return {kind: value for kind, value in found.items() if not np.isnan(value)}


def _single(data: Embedded, read: Read, sentences: Sequence[str], *, there: bool) -> float:
    rng = np.random.default_rng(0)
    figures = []
    for turn, finding in enumerate(data.concepts):
        pool = balanced_pool(data.truth.shows(finding), rng)
        if pool is None or len(pool) < 2 * K:
            continue
        words = lexicon().finding(finding).prompt
        asked = [sentences[(turn * TURNS + i) % len(sentences)] for i in range(min(TURNS, len(sentences)))]
        scores = _scores(data, read, [carrier.format(a=words, b=words) for carrier in asked])
        right = data.truth.shows(finding) if there else data.truth.lacks(finding)
        figures.append(np.mean([precision_at_k(row[pool], right[pool], K) for row in scores]))
    return float(np.mean(figures)) if figures else float("nan")


def _exclusion(data: Embedded, read: Read, sentences: Sequence[str]) -> float:
    pairs = [(a, b) for a, b in permutations(data.concepts, 2) if not related(a, b)]
    chosen = np.random.default_rng(0).permutation(len(pairs))[:PAIRS]
    texts, right = [], []
    for turn, (a, b) in enumerate(pairs[i] for i in chosen):
        words = {"a": lexicon().finding(a).prompt, "b": lexicon().finding(b).prompt}
        texts.append(sentences[turn % len(sentences)].format(**words))
        right.append(data.truth.shows(a) & data.truth.lacks(b))
    if not texts:
        return float("nan")
    scores = _scores(data, read, texts)
    return float(np.mean([precision_at_k(row, good, K) for row, good in zip(scores, right, strict=True)]))


def _scores(data: Embedded, read: Read, texts: Sequence[str]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = read(texts).numpy() @ data.vectors.T
    return found
