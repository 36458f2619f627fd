"""Why a hit is where it is: its contributions by mention, and what is recorded of the image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from medneg.query import Lexicon
from medneg.search import by_mention
from medneg.values import Contribution, FindingState, Polarity, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one chip, or the sentence as a whole, adds to or takes from a score.

    ``chance`` is the probability that the image shows the finding, wanted or not; None where it is not known.
    """

    label: str
    value: float
    polarity: Polarity | None = None
    chance: float | None = None


def points(query: Query, terms: Sequence[Contribution]) -> list[Point]:
    """What the plan's terms come to for each chip, in the order of the chips."""
    return [
        Point(
            label=part.label,
            value=part.value,
            polarity=None if part.mention is None else part.mention.polarity,
            chance=part.probability,
        )
        for part in by_mention(query, terms)
    ]


def scale(arguments: Iterable[Sequence[Point]]) -> float:
    """The largest |value| of all hits on the screen, so that bars can be compared."""
    return max((abs(point.value) for argument in arguments for point in argument), default=0.0)


def arithmetic(argument: Sequence[Point], score: float) -> str:
    """Write the sum in one line.

    Example:
        >>> arithmetic([Point(label="effusion", value=0.5), Point(label="edema", value=-0.125)], 0.375)
        'score 0.375 = 0.500 (effusion) − 0.125 (edema)'
    """
    parts = [f"{'−' if p.value < 0 else '+'} {abs(p.value):.3f} ({p.label})" for p in argument]
    line = " ".join(parts).removeprefix("+ ")
    return f"score {score:.3f} = {line}".replace("-", "−")


def chances(argument: Sequence[Point]) -> list[str]:
    """The probabilities that are known.

    Example:
        >>> chances([Point(label="effusion", value=0.5, chance=0.93), Point(label="edema", value=0.0)])
        ['P(effusion) .93']
    """
    return [f"P({p.label}) {_probability(p.chance)}" for p in argument if p.chance is not None]


def violations(query: Query, states: Mapping[str, FindingState], words: Lexicon) -> list[str]:
    """Name the unwanted mentions that an image shows for certain."""
    return [
        mention.text
        for mention in query.negated
        if mention.finding and words.state(mention.finding, states) == "present"
    ]


def lacks(query: Query, states: Mapping[str, FindingState], words: Lexicon) -> list[str]:
    """Name the wanted mentions that an image does not show for certain."""
    return [
        mention.text
        for mention in query.affirmed
        if mention.finding and words.state(mention.finding, states) == "absent"
    ]


def _probability(value: float) -> str:
    """Two digits; what would round to nought or one is no certainty, and does not look like one."""
    if value < 0.005:
        return "<.01"
    return ">.99" if value >= 0.995 else f"{value:.2f}".removeprefix("0")
