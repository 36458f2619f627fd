"""What a text tower weighs: integrated gradients on its token embeddings, word by word.

A sentence's score is its embedding's cosine with a direction: an image's embedding, the mean of the images
that show a finding, or the way from one sentence to another. Integrated gradients (Sundararajan, Taly & Yan
2017, equation 1) share the difference between the score and that of a baseline, in which no word says
anything, among the words. That the shares add up to the difference is their completeness (proposition 1);
how far they fall short is the gap, and the path is divided until it is below 1 %.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.errors import EncoderError, UnknownName
from medneg.query import parse
from medneg.values import Polarity, Span

if TYPE_CHECKING:
    from medneg.encoders import Encoder
    from medneg.encoders.dual import DualEncoder, Towers

Baseline = Literal["unknown", "padding", "zero", "cue"]
Role = Literal["cue", "finding", "rest"]

MAX_GAP = 0.01
"""How far the words' scores may add up to something else, as a share of what they should add up to."""

WORD = re.compile(r"\w+(?:[-'’/.]\w+)*|[^\w\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word, or a run of punctuation, and what it adds to its sentence's score.

    Attributes:
        span: offsets in the sentence.
        role: whether it belongs to the cue of a negation, to the name of a finding, or to neither.
        polarity: of the mention that it belongs to, if any.
        score: summed over its tokens; 0 for what the tokenizer drops or cuts off.
    """

    text: str
    span: Span
    role: Role = "rest"
    polarity: Polarity | None = None
    score: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAttribution:
    """How a text tower comes to the score of one sentence.

    Attributes:
        sentence: with its blanks evened out; spans are offsets in it.
        words: in their order.
        baseline: what the words were compared with.
        score: the cosine of the sentence and the target.
        baseline_score: that of the baseline; the words' scores add up to the difference, but for the gap.
        gap: a bound of |Σ scores − difference| / |difference|.
        points: at how many places between baseline and sentence gradients were taken.
    """

    sentence: str
    words: tuple[Word, ...]
    baseline: Baseline
    score: float
    baseline_score: float
    gap: float
    points: int

    @property
    def scores(self) -> tuple[float, ...]:
        """The words' scores, in their order."""
        return tuple(word.score for word in self.words)

    @property
    def complete(self) -> bool:
        """Whether the gap is below ``MAX_GAP``; if not, the scores are not to be trusted."""
        return self.gap < MAX_GAP

    def share(self, role: Role) -> float:
        """Σ |score| over the words of a role, divided by Σ |score| over all words; NaN if all are 0."""
        whole = sum(abs(word.score) for word in self.words)
        part = sum(abs(word.score) for word in self.words if word.role == role)
        return part / whole if whole else float("nan")


def attribute(
    encoder: Encoder,
    sentences: Sequence[str],
    target: NDArray[float32],
    *,
    baseline: Baseline | None = None,
) -> tuple[TokenAttribution, ...]:
    """Share the score of each sentence among its words.

    Args:
        encoder: as ``medneg.encoders.load`` gives it.
        sentences: whole sentences, as the text tower gets them.
        target: a direction, shape (d,), or one for each sentence, (t, d): see ``towards`` and ``between``.
        baseline: one of ``baselines(encoder)``, by default its first. "unknown" and "padding" put that token
            in the place of every word, "zero" a vector of zeros; "cue" puts the first of these in the place
            of the cue alone, so that nothing but the cue has a score: what the sentence gains by it.

    Returns:
        One for each sentence; ``complete`` is False where its score could not be shared out well enough.

    Raises:
        EncoderError: if the encoder gives embeddings only and nothing can be seen inside of it.
        UnknownName: if its vocabulary lacks the baseline's token.
        ValueError: if the target's shape fits neither the encoder nor the sentences.
    """
    towers = inside(encoder).towers
    known = baselines(encoder)
    chosen = baseline or known[0]
    if chosen not in known:
        raise UnknownName(f"baseline for {encoder.card.name}", chosen, known)
    shape = (len(sentences), encoder.card.width)
    if target.shape not in {shape, shape[1:]}:
        raise ValueError(f"the target must have shape {shape[1:]} or {shape}; got {target.shape}")
    directions = np.broadcast_to(target, shape)
    return tuple(
        _attribute_one(towers, sentence, direction, chosen)
        for sentence, direction in zip(sentences, directions, strict=True)
    )


def baselines(encoder: Encoder) -> tuple[Baseline, ...]:
    """What the words of this encoder can be compared with; "unknown" only if its vocabulary has such a token.

    Raises:
        EncoderError: if nothing can be seen inside of the encoder.
    """
    from medneg.diagnostics.attribution_path import padding_of

    towers = inside(encoder).towers
    lacks = towers.unknown in {None, padding_of(towers)}
    return tuple(name for name in get_args(Baseline) if not (lacks and name == "unknown"))


def towards(images: NDArray[float32]) -> NDArray[float32]:
    """The target "similarity to these images": the unit mean of their embeddings, shape (m, d) to (d,).

    Example:
        >>> towards(np.eye(2, dtype=float32)).tolist()
        [0.7071067690849304, 0.7071067690849304]
    """
    return _unit(images.mean(axis=0))


def between(encoder: Encoder, nearer: str, farther: str) -> NDArray[float32]:
    """The target "rather this sentence than that": the unit difference of two embeddings, shape (d,).

    With "effusion" and "no effusion" it asks which words make a sentence affirm.
    """
    first, second = encoder.encode_texts([nearer, farther])
    return _unit(first - second)


def words_of(sentence: str) -> tuple[Word, ...]:
    """A sentence's words with the roles that the parser sees in them, without scores yet.

    Example:
        >>> [(word.text, word.role) for word in words_of("no evidence of effusion today")]
        [('no', 'cue'), ('evidence', 'cue'), ('of', 'cue'), ('effusion', 'finding'), ('today', 'rest')]
    """
    parts: list[tuple[Span, Role, Polarity]] = []
    for mention in parse(sentence).mentions:
        if mention.span:
            parts.append((mention.span, "finding", mention.polarity))
        if mention.cue_span and mention.polarity == "negated":
            parts.append((mention.cue_span, "cue", mention.polarity))
    return tuple(_placed(match, parts) for match in WORD.finditer(sentence))


def inside(encoder: Encoder) -> DualEncoder:
    """The encoder, if something can be seen inside of it.

    Raises:
        EncoderError: if it is not one that ``medneg.encoders.load`` gives.
    """
    from medneg.encoders.dual import DualEncoder

    if not isinstance(encoder, DualEncoder):
        raise EncoderError(
            f"{encoder.card.name} gives embeddings only; load it with medneg.encoders.load to see inside"
        )
    return encoder


def _attribute_one(
    towers: Towers, sentence: str, direction: NDArray[float32], baseline: Baseline
) -> TokenAttribution:
    from medneg.diagnostics.attribution_path import Path, columns_of

    sentence = " ".join(sentence.split())
    words = words_of(sentence)
    columns = columns_of(towers, sentence, [word.span[1] for word in words])
    untold = [
        span for word, span in zip(words, columns, strict=True) if baseline != "cue" or word.role == "cue"
    ]
    path = Path(towers, sentence, direction, untold=untold, filler=_filler(towers, baseline))
    integral = path.integrate()
    return TokenAttribution(
        sentence=sentence,
        words=tuple(
            replace(word, score=float(integral.columns[first:last].sum()))
            for word, (first, last) in zip(words, columns, strict=True)
        ),
        baseline=baseline,
        score=path.end,
        baseline_score=path.start,
        gap=integral.gap,
        points=integral.points,
    )


def _filler(towers: Towers, baseline: Baseline) -> int | None:
    """The token that says nothing; None for a vector of zeros."""
    from medneg.diagnostics.attribution_path import padding_of

    if baseline == "zero":
        return None
    if baseline == "padding" or towers.unknown is None:
        return padding_of(towers)
    return towers.unknown


def _placed(match: re.Match[str], parts: Sequence[tuple[Span, Role, Polarity]]) -> Word:
    for (start, end), role, polarity in parts:
        if match.start() < end and start < match.end():
            return Word(text=match[0], span=match.span(), role=role, polarity=polarity)
    return Word(text=match[0], span=match.span())


def _unit(vector: NDArray[float32]) -> NDArray[float32]:
    found: NDArray[float32] = (vector / np.linalg.norm(vector)).astype(float32)
    return found
