"""What each way of adapting makes of a batch of queries: the texts that it encodes, and its loss on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn.functional import normalize

from medneg.adaptation import losses
from medneg.scoring import ANCHOR
from medneg.scoring.sentences import as_typed, trust_in
from medneg.values import Mention, Query

if TYPE_CHECKING:
    from torch import Tensor

    Encode = Callable[[Sequence[str]], Tensor]

MATCHES = 10
"""Images whose mean is the pseudo-match of a query."""

EXCLUDED = 128
"""Images in an exclusion set."""

UNLIKELY = 0.5
"""The share of the images, the least alike, that an exclusion set is drawn from."""

CONFIDENT = 0.5
"""The share of a stream's queries that count as confident."""

TEMPERATURE = 0.6
"""Of the proxy contrastive loss, in standard deviations of a query's scores over the images: in some encoders
they lie much closer together than in others."""

REMEMBERED = 512
"""Earlier queries that a query's confidence is compared with."""

RELIABLE, QUEUE_BATCHES = 0.3, 10
"""TCR: the share of a batch that may be reliable, and the batches that are looked through for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A batch of queries in words.

    Attributes:
        read: what each asks for.
        typed: the same in the words as they were typed.
        trust: how far ``read`` is to be believed, in [0, 1].
        opposite: the same with wanted and unwanted exchanged, for NEAT.
        unwanted, excludes: what each excludes, and whether it excludes anything, for NEAT.
    """

    read: tuple[str, ...]
    typed: tuple[str, ...]
    trust: tuple[float, ...]
    opposite: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    excludes: tuple[bool, ...] = ()


class Follower(Protocol):
    """One way of learning from queries; it may remember some of those that it saw."""

    least: int
    """Queries that it takes to learn anything."""
    answers_last: bool
    """Whether queries are answered after the last update, not before it."""

    def read(self, queries: Sequence[Query], template: str) -> Told:
        """The texts to encode."""

    def loss(self, told: Told, encode: Encode, images: Tensor, step: int) -> Tensor:
        """What is to become smaller, a scalar."""


class Proxies:
    """ReEx's exclusion-guided adaptation, on the whole stream.

    A query is confident if its best match stands out more than that of most queries lately: by z, the best
    score's distance from the mean in standard deviations. The pseudo-match is the mean of the best images,
    and the exclusion set is drawn from the half that is least alike.

    Args:
        seed: of the exclusion sets.
    """

    least = 1
    answers_last = True

    def __init__(self, *, seed: int) -> None:
        self._draw = torch.Generator().manual_seed(seed)
        self._seen: deque[float] = deque(maxlen=REMEMBERED)

    def read(self, queries: Sequence[Query], template: str) -> Told:
        """A query without negation as a sentence; of one with, each phrase: no tower hears the whole."""
        rows = [row for query in queries for row in _phrases(query, template)]
        read, typed, trust = zip(*rows, strict=True)
        return Told(read=read, typed=typed, trust=trust)

    def loss(self, told: Told, encode: Encode, images: Tensor, step: int) -> Tensor:
        """See ``losses.proxy_contrastive``."""
        queries = _fused(told, encode)  # b d
        with torch.no_grad():
            scores = queries @ images.T  # b n
            best = scores.topk(min(MATCHES, scores.shape[1]), dim=1).indices
            proxies = normalize(images[best].mean(dim=1), dim=1)
            outstanding = (scores.amax(dim=1) - scores.mean(dim=1)) / scores.std(dim=1)
            if step == 0:
                self._seen.extend(outstanding.tolist())
            bar = torch.quantile(torch.tensor(tuple(self._seen)), 1 - CONFIDENT)
            excluded = images[self._unlikely(scores)]
            temperature = TEMPERATURE * float(scores.std(dim=1).mean())
        return losses.proxy_contrastive(
            queries, proxies, excluded, outstanding >= bar, temperature=temperature
        )

    def _unlikely(self, scores: Tensor) -> Tensor:
        """Rows of each query's exclusion set, (b, n) → (b, k)."""
        count = max(1, int(UNLIKELY * scores.shape[1]))
        least = scores.argsort(dim=1)[:, :count]
        return least[:, torch.randint(count, (min(EXCLUDED, count),), generator=self._draw)]


@dataclass(frozen=True, slots=True, eq=False)
class _Reliable:
    """A query whose source indicator is small, with its entropy and its match."""

    indicator: float
    entropy: Tensor
    query: Tensor
    match: Tensor


class Tcr:
    """TCR (Li et al., ICLR 2025): reliable queries set a bar for entropy and a gap between the modalities.

    Args:
        keep: how many reliable queries are remembered: a batch.
    """

    least = 2
    answers_last = False

    def __init__(self, *, keep: int) -> None:
        self._keep, self._batches = keep, 0
        self._reliable: list[_Reliable] = []

    def read(self, queries: Sequence[Query], template: str) -> Told:
        """Whole sentences as they were typed."""
        return _sentences(queries)

    def loss(self, told: Told, encode: Encode, images: Tensor, step: int) -> Tensor:
        """See ``losses.tcr``."""
        queries = _fused(told, encode)
        matches = images[(queries.detach() @ images.T).argmax(dim=1)]
        if step == 0 and self._batches < QUEUE_BATCHES:
            self._batches += 1
            self._remember(queries.detach(), matches)
        most = torch.stack([each.entropy for each in self._reliable]).max()
        centre = torch.stack([each.query for each in self._reliable]).mean(dim=0)
        gap = (torch.stack([each.match for each in self._reliable]).mean(dim=0) - centre).norm()
        return losses.tcr(queries, matches, most=most, gap=gap)

    def _remember(self, queries: Tensor, matches: Tensor) -> None:
        """Keep the queries with the smallest 2‖q − g‖ − ‖q − q̄‖ − ‖g − ḡ‖ (source indicator)."""
        told = 2 * (queries - matches).norm(dim=1)
        told -= (queries - queries.mean(dim=0)).norm(dim=1) + (matches - matches.mean(dim=0)).norm(dim=1)
        entropy = losses.entropies(queries, matches, temperature=losses.TCR_TEMPERATURE)
        for place in told.argsort()[: max(1, int(RELIABLE * len(told)))].tolist():
            self._reliable.append(
                _Reliable(float(told[place]), entropy[place], queries[place], matches[place])
            )
        self._reliable = sorted(self._reliable, key=lambda each: each.indicator)[: self._keep]


class Neat:
    """NEAT: near the wanted part, far from the opposite. The texts are the grammar's, not a model's."""

    least = 2
    answers_last = False

    def read(self, queries: Sequence[Query], template: str) -> Told:
        """Sentences as typed, the wanted part, what is excluded, and both exchanged."""
        return replace(
            _sentences(queries),
            read=tuple(template.format(_joined(query.affirmed) or ANCHOR) for query in queries),
            opposite=tuple(_exchanged(query, template) for query in queries),
            unwanted=tuple(template.format(_joined(query.negated)) for query in queries),
            excludes=tuple(bool(query.negated) for query in queries),
        )

    def loss(self, told: Told, encode: Encode, images: Tensor, step: int) -> Tensor:
        """See ``losses.neat``; the pseudo-match is the best of (p·x)(1 − max(m·x, 0))."""
        queries, wanted, inverted = (encode(texts) for texts in (told.typed, told.read, told.opposite))
        with torch.no_grad():
            excludes = torch.tensor(told.excludes)[:, None].float()
            against = (encode(told.unwanted) @ images.T).clamp(min=0) * excludes
            matches = images[((wanted @ images.T) * (1 - against)).argmax(dim=1)]
        return losses.neat(queries, wanted, inverted, matches)


def _sentences(queries: Sequence[Query]) -> Told:
    words = tuple(query.sentence for query in queries)
    return Told(read=words, typed=words, trust=(1.0,) * len(words))


def _phrases(query: Query, template: str) -> list[tuple[str, str, float]]:
    """What is read, what was typed, and how far the first is to be believed."""
    if not query.negated:
        return [(query.mended, query.sentence, trust_in(query.repairs) if query.repairs else 1.0)]
    rows = []
    for mention in query.affirmed + query.negated:
        words, trust = as_typed(mention, query)
        rows.append((template.format(mention.text), template.format(words), trust))
    return rows


def _fused(told: Told, encode: Encode) -> Tensor:
    """u(c e(read) + (1 − c) e(typed)), as ``medneg.scoring.reex`` has it, shape (b, d)."""
    read = encode(told.read)
    if told.read == told.typed:
        return read
    trust = torch.tensor(told.trust)[:, None]
    return normalize(trust * read + (1 - trust) * encode(told.typed), dim=1)


def _joined(mentions: Sequence[Mention]) -> str:
    return " and ".join(mention.text for mention in mentions)


def _exchanged(query: Query, template: str) -> str:
    """The inverted caption: "no effusion, with calcification" of *effusion but no calcification*."""
    absent = f"no {_joined(query.affirmed)}" if query.affirmed else ""
    present = f"with {_joined(query.negated)}" if query.negated else ""
    return ", ".join(part for part in (absent, present) if part) or template.format(ANCHOR)
