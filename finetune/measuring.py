"""What a text tower makes of whole sentences, by plain cosine, carrier by carrier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from finetune.embedded import Embedded
from finetune.grammar import one_finding, two_findings
from finetune.held_out import fresh, may_train, validation
from finetune.prompt_figures import Encode, K
from finetune.wordings import carriers as trained
from medneg.evaluation.metrics import precision_at_k
from medneg.evaluation.pools import balanced_pool
from medneg.evaluation.truth import related
from medneg.evaluation.wordings import carriers as measured
from medneg.evaluation.wordings import con2_prompts
from medneg.query.lexicon import lexicon

PAIRS = 60
"""Ordered pairs of findings that an exclusion is asked about at most."""

COMPOSED = 40
"""Sentences of each kind that are composed to listen to, some of which no training may use."""

KINDS = {"affirmed": "X", "negated": "no X", "exclusion": "A but no B"}
"""ExclusionBench's kinds, and what they are called here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One carrier.

    Attributes:
        wordings: the set that it belongs to.
        kind: "X", "no X" or "A but no B".
        carrier: the sentence, with blanks.
        precision: share of the ten hits that it describes, mean over findings or pairs.
        violation: share of the ten hits that show what is excluded; None but for "A but no B".
    """

    wordings: str
    kind: str
    carrier: str
    precision: float
    violation: float | None = None


def listen(data: Embedded, encode: Encode) -> tuple[Heard, ...]:
    """Ask every carrier. "X" and "no X" of balanced pools, "A but no B" of all images."""
    pools = _pools(data)
    pairs = _pairs(data)
    found = []
    for wordings, kind, carrier in _sentences():
        if kind == "A but no B":
            precision, violation = _exclusion(data, encode, carrier, pairs)
            found.append(
                Heard(wordings=wordings, kind=kind, carrier=carrier, precision=precision, violation=violation)
            )
        else:
            precision = _single(data, encode, carrier, pools, there=kind == "X")
            found.append(Heard(wordings=wordings, kind=kind, carrier=carrier, precision=precision))
    return tuple(found)


def _sentences() -> Iterator[tuple[str, str, str]]:
    """Set, kind and carrier, blanks ``{a}`` and ``{b}``; a single finding fills both."""
    for affirmed, negated in trained().pairs:
        yield from _one_finding("listed", affirmed, negated)
    yield from (("listed", "A but no B", carrier) for carrier in trained().exclusion)
    yield from _composed()
    for kind, called in KINDS.items():
        for asked, lines in measured()[kind].items():
            yield from ((f"benchmark, {asked}", called, carrier) for carrier in lines)
        yield from (("validation", called, carrier) for carrier in validation()[kind])
        yield from (("fresh", called, carrier) for carrier in fresh()[kind])
    for group, lines in con2_prompts().items():
        wording, polarity = group.split()
        for carrier in lines:
            yield f"CON2, {wording}", "X" if polarity == "positive" else "no X", carrier.replace("{x}", "{a}")


def _one_finding(wordings: str, affirmed: str, negated: str) -> Iterator[tuple[str, str, str]]:
    yield wordings, "X", affirmed.replace("{x}", "{a}")
    yield wordings, "no X", negated.replace("{x}", "{b}")


def _composed() -> Iterator[tuple[str, str, str]]:
    """Some of the sentences that the grammar writes for training, always the same."""
    rng = np.random.default_rng(2)
    for _ in range(COMPOSED):
        affirmed, negated = one_finding(rng)
        if may_train(affirmed) and may_train(negated):
            yield from _one_finding("composed", affirmed, negated)
        if may_train(exclusion := two_findings(True, False, rng)):
            yield "composed", "A but no B", exclusion


def _pools(data: Embedded) -> dict[str, NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    found = {finding: balanced_pool(data.truth.shows(finding), rng) for finding in data.truth.findings}
    return {finding: pool for finding, pool in found.items() if pool is not None and len(pool) >= 2 * K}


def _pairs(data: Embedded) -> list[tuple[str, str]]:
    """Pairs with at least ten images to find."""
    pairs = [
        (a, b)
        for a, b in permutations(data.truth.findings, 2)
        if not related(a, b) and (data.truth.shows(a) & data.truth.lacks(b)).sum() >= K
    ]
    return [pairs[i] for i in np.random.default_rng(1).permutation(len(pairs))[:PAIRS]]


def _single(
    data: Embedded, encode: Encode, carrier: str, pools: dict[str, NDArray[np.int64]], *, there: bool
) -> float:
    if not pools:
        return float("nan")
    scores = _scores(data, encode, [_fill(carrier, finding, finding) for finding in pools])
    figures = []
    for row, (finding, pool) in zip(scores, pools.items(), strict=True):
        right = data.truth.shows(finding) if there else data.truth.lacks(finding)
        figures.append(precision_at_k(row[pool], right[pool], K))
    return float(np.mean(figures))


def _exclusion(
    data: Embedded, encode: Encode, carrier: str, pairs: Sequence[tuple[str, str]]
) -> tuple[float, float]:
    if not pairs:
        return float("nan"), float("nan")
    scores = _scores(data, encode, [_fill(carrier, a, b) for a, b in pairs])
    figures = []
    for row, (a, b) in zip(scores, pairs, strict=True):
        shown, unwanted = data.truth.shows(a), data.truth.shows(b)
        right = shown & data.truth.lacks(b)
        figures.append((precision_at_k(row, right, K), precision_at_k(row, unwanted, K)))
    precision, violation = np.mean(figures, axis=0)
    return float(precision), float(violation)


def _fill(carrier: str, a: str, b: str) -> str:
    words = lexicon()
    return carrier.format(a=words.finding(a).prompt, b=words.finding(b).prompt)


def _scores(data: Embedded, encode: Encode, texts: Sequence[str]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = encode(texts) @ data.vectors.T
    return found
