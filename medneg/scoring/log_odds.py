"""The probability that an image shows what is wanted and nothing that is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from medneg.errors import CalibrationMissing
from medneg.scoring.calibration import Curve
from medneg.scoring.mixtures import Phrase, direction, unit
from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.values import LogProbability, Term


@method(
    "log-odds",
    source="Platt (1999) per finding, joined as if independent: docs/explanation/one-plan.md, eq. 7",
    summary="Probability of the wanted without the unwanted: needs labels to calibrate, scores every image.",
    needs=("wanted", "unwanted"),
    needs_curves=True,
)
def log_odds(reading: Reading) -> tuple[Term, ...]:
    """s(x) = Σ log P(a | x) + Σᵢ log(1 − P(nᵢ | x)), with P(f | x) = σ(slope·x·f + intercept).

    The least likely factor rules a sum of logarithms, so the weakest link counts. An unwanted mention is
    judged by those of its kinds that have a curve, and as a whole where none has; a statement of normality
    ("normal heart size") by what it denies. With nothing wanted only the second sum is left.

    Raises:
        CalibrationMissing: if a mention has no curve, nor any of its kinds.
    """
    return tuple(_term(phrase, _curve(phrase, reading), 1) for phrase in _required(reading)) + tuple(
        _term(phrase, _curve(phrase, reading), -1) for phrase in _judged(reading)
    )


def _required(reading: Reading) -> Iterable[Phrase]:
    """The wanted phrases, less statements of normality, which stand where their denials do."""
    said = [phrase.mention for phrase in reading.unwanted if phrase.mention]
    denials = {mention.span for mention in said if mention.reason == "normality"}
    for phrase in reading.phrases["wanted"]:
        if phrase.mention and (phrase.finding in reading.curves or phrase.mention.span not in denials):
            yield phrase


def _judged(reading: Reading) -> Iterable[Phrase]:
    """The unwanted phrases that have a curve; of a mention whose kinds have none, the whole."""
    for mention in dict.fromkeys(phrase.mention for phrase in reading.unwanted):
        kinds = [phrase for phrase in reading.unwanted if phrase.mention == mention]
        known = [kind for kind in kinds if mention and kind.finding != mention.finding]
        yield from [kind for kind in known if kind.finding in reading.curves] or [_whole(kinds)]


def _whole(kinds: Sequence[Phrase]) -> Phrase:
    """A mention with all its kinds, in the direction that curves are fitted on (``finding_direction``)."""
    vector = direction(unit({kind: 1.0 for kind in kinds}))
    return replace(kinds[0], vector=vector)


def _curve(phrase: Phrase, reading: Reading) -> Curve:
    curve = reading.curves.get(phrase.finding or "")
    if curve is None:
        name = phrase.label.removeprefix("not ")
        what = f"the method log-odds needs labelled images with and without “{name}”"
        raise CalibrationMissing(what, reading.encoder)
    return curve


def _term(phrase: Phrase, curve: Curve, sign: int) -> Term:
    """log σ(±(slope·z + intercept)): 1 − σ(y) = σ(−y)."""
    response = LogProbability(slope=sign * curve.slope, intercept=sign * curve.intercept)
    return Term(
        direction=phrase.vector.astype(np.float32),
        response=response,
        label=phrase.label,
        mention=phrase.mention,
    )
