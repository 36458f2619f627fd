"""What a study measures of a model on watched images, finding by finding and question by question."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy import float32, float64
from numpy.random import default_rng
from numpy.typing import NDArray

from finetune.embedded import Embedded
from finetune.prompt_figures import Encode, K
from finetune.wordings import carriers
from medneg.evaluation.metrics import auc, precision_at_k
from medneg.evaluation.pools import balanced_pool
from medneg.evaluation.truth import related
from medneg.evaluation.wordings import carriers as measured
from medneg.query.lexicon import lexicon

PAIRS = 60
"""Ordered pairs of findings that are asked about at most."""

TURNS = 6
"""Carriers that ask about one finding; the next finding is asked about in the next ones."""


def heard(data: Embedded, encode: Encode) -> dict[str, NDArray[float64]]:
    """Precision@10 of whole sentences by plain cosine, in trained and in ExclusionBench's natural carriers.

    "X" and "no X" have a number for each concept, of pools with as many images of either kind; "A but no B"
    and how often B is shown have one for each pair, of all images. NaN where there are too few images.
    """
    trained = {
        "affirmed": [affirmed.replace("{x}", "{a}") for affirmed, _ in carriers().pairs],
        "negated": [negated.replace("{x}", "{b}") for _, negated in carriers().pairs],
        "exclusion": carriers().exclusion,
    }
    unseen = {kind: measured()[kind]["natural"] for kind in trained}
    found = {}
    for wordings, lines in (("trained", trained), ("unseen", unseen)):
        found[f"X, {wordings}"] = _single(data, encode, lines["affirmed"], there=True)
        found[f"no X, {wordings}"] = _single(data, encode, lines["negated"], there=False)
        right, broken = _exclusions(data, encode, lines["exclusion"])
        found |= {f"A but no B, {wordings}": right, f"B is shown, {wordings}": broken}
    return found


def zero_shot(data: Embedded, encode: Encode, template: str) -> NDArray[float64]:
    """AUC of the cosine with a sentence that names the finding, for each labelled one."""
    texts = [template.format(lexicon().finding(finding).prompt) for finding in data.truth.findings]
    return _aucs(data, encode(texts) @ data.vectors.T)


def image_tower(learnt: Embedded, watched: Embedded) -> NDArray[float64]:
    """AUC of the way from the images without a finding to those with it, for each: no text is used.

    Args:
        learnt: images that give the ways.
        watched: images that are judged by them.
    """
    ways = np.stack([_way(learnt, finding) for finding in watched.truth.findings])
    return _aucs(watched, ways @ watched.vectors.T)


def _way(data: Embedded, finding: str) -> NDArray[float32]:
    """From the mean image without a finding to the mean one with it, (d,); NaN if either kind is missing."""
    shown, lacked = data.truth.shows(finding), data.truth.lacks(finding)
    if not shown.any() or not lacked.any():
        return np.full(data.vectors.shape[1], np.nan, float32)
    way: NDArray[float32] = data.vectors[shown].mean(0) - data.vectors[lacked].mean(0)
    return way


def reading(data: Embedded, encode: Encode) -> dict[str, NDArray[float64]]:
    """How many images somebody looks through, best first, until ten are right; NaN where fewer are.

    Asked of all images: "no X" of every finding, "A but no B" of pairs.
    """
    truth = data.truth
    single = [(_fill("no {a}", x, x), truth.lacks(x)) for x in truth.findings]
    double = [(_fill("{a} but no {b}", a, b), truth.shows(a) & truth.lacks(b)) for a, b in pairs_of(data)]
    return {
        "read for ten, no X": _read_for_ten(data, encode, single),
        "read for ten, A but no B": _read_for_ten(data, encode, double),
    }


def tenth(scores: NDArray[float32], right: NDArray[np.bool_]) -> float:
    """Rank of the tenth image that is right, from 1; NaN if there are fewer.

    Example:
        >>> tenth(np.arange(20, dtype=np.float32), np.arange(20) < 12)
        18.0
    """
    found = np.flatnonzero(np.cumsum(right[np.argsort(-scores, kind="stable")]) == K)
    return float(found[0] + 1) if len(found) else float("nan")


def pairs_of(data: Embedded) -> list[tuple[str, str]]:
    """The same pairs of labelled findings whatever the images are."""
    pairs = [(a, b) for a, b in permutations(data.truth.findings, 2) if not related(a, b)]
    return [pairs[i] for i in default_rng(0).permutation(len(pairs))[:PAIRS]]


def _single(data: Embedded, encode: Encode, lines: Sequence[str], *, there: bool) -> NDArray[float64]:
    rng = default_rng(0)
    found = np.full(len(data.concepts), np.nan)
    for place, finding in enumerate(data.concepts):
        shown, lacked = data.truth.shows(finding), data.truth.lacks(finding)
        pool = balanced_pool(shown, rng, among=shown | lacked)
        if pool is not None and len(pool) >= 2 * K:
            asked = [lines[(place * TURNS + turn) % len(lines)] for turn in range(TURNS)]
            scores = encode([_fill(line, finding, finding) for line in asked]) @ data.vectors[pool].T
            right = (shown if there else lacked)[pool]
            found[place] = np.mean([precision_at_k(row, right, K) for row in scores])
    return found


def _exclusions(
    data: Embedded, encode: Encode, lines: Sequence[str]
) -> tuple[NDArray[float64], NDArray[float64]]:
    pairs = pairs_of(data)
    texts = [_fill(lines[turn % len(lines)], a, b) for turn, (a, b) in enumerate(pairs)]
    found = np.full((2, len(pairs)), np.nan)
    for place, (row, (a, b)) in enumerate(zip(encode(texts) @ data.vectors.T, pairs, strict=True)):
        right = data.truth.shows(a) & data.truth.lacks(b)
        if right.sum() >= K:
            found[:, place] = precision_at_k(row, right, K), precision_at_k(row, data.truth.shows(b), K)
    return found[0], found[1]


def _fill(line: str, a: str, b: str) -> str:
    words = lexicon()
    return line.format(a=words.finding(a).prompt, b=words.finding(b).prompt)


def _read_for_ten(
    data: Embedded, encode: Encode, asked: Sequence[tuple[str, NDArray[np.bool_]]]
) -> NDArray[float64]:
    scores = encode([text for text, _ in asked]) @ data.vectors.T
    return np.array([tenth(row, right) for row, (_, right) in zip(scores, asked, strict=True)])


def _aucs(data: Embedded, scores: NDArray[float32]) -> NDArray[float64]:
    found = []
    for row, finding in zip(scores, data.truth.findings, strict=True):
        known = data.truth.shows(finding) | data.truth.lacks(finding)
        told = np.isfinite(row).all()
        found.append(auc(row[known], data.truth.shows(finding)[known]) if told else float("nan"))
    return np.array(found)
