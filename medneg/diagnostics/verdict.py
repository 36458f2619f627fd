"""Whether a model may be trusted with "no": figures against thresholds, and the answer in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from medneg.diagnostics.geometry import Geometry
from medneg.diagnostics.hearing import Heard, Way, overall
from medneg.diagnostics.prompts import Prompt
from medneg.diagnostics.thresholds import CheckName, Gate, Status, Threshold
from medneg.evaluation.intervals import UNDEFINED, Figure, mean_interval
from medneg.evaluation.significance import paired_differences

Outcome = Literal["passes", "passes with a reservation", "fails", "untested"]

DECISIVE: tuple[CheckName, ...] = ("no_x", "affirmed_change")
"""Whole sentences that miss one of these fail: "no X" means X, or the findings themselves were unlearnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure of one model against its threshold."""

    threshold: Threshold
    found: Figure
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be thought of one model.

    Attributes:
        model: its place among the models; the first is the base.
        name: how people call it.
        outcome: of whole sentences.
        words: two or three sentences for people.
        checks: whole sentences first, then the default method.
        untested: what no figure of this report speaks of.
    """

    model: int
    name: str
    outcome: Outcome
    words: str
    checks: tuple[Check, ...]
    untested: tuple[str, ...]

    def check(self, way: Way, name: CheckName) -> Check:
        """One of the checks."""
        return next(one for one in self.checks if (one.threshold.way, one.threshold.name) == (way, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What a gate says: the thresholds that are missed, each as "model: threshold, figure"."""

    judged: tuple[str, ...]
    thresholds: int
    missed: tuple[str, ...]

    @property
    def open(self) -> bool:
        """Whether every threshold of the gate holds."""
        return not self.missed


def figures_of(
    heard: Sequence[Heard], prompts: Sequence[Prompt], geometry: Geometry, *, model: int, rng: Generator
) -> dict[tuple[Way, CheckName], Figure]:
    """The figures that have thresholds; what nobody could measure is undefined."""
    own = heard[model]
    found: dict[tuple[Way, CheckName], Figure] = {("sentence", "cosine"): geometry.cosine_negated}
    ways: tuple[Way, ...] = ("sentence", "parsed")
    for way in ways:
        right = overall(own, prompts, way=way, kind="no X")
        wrong = overall(own, prompts, way=way, kind="A but no B", wrong=True)
        found[way, "no_x"] = mean_interval(right, rng)
        found[way, "exclusion_violation"] = mean_interval(wrong, rng)
    change = UNDEFINED
    affirmed = [overall(one, prompts, way="sentence", kind="X") for one in (own, heard[0])]
    if model and len(affirmed[0]):
        change = paired_differences(affirmed[0][None], affirmed[1][None], rng)[0].figure
    found["sentence", "affirmed_change"] = change
    return found


def judge(
    model: int,
    name: str,
    figures: dict[tuple[Way, CheckName], Figure],
    thresholds: Sequence[Threshold],
    untested: Sequence[str],
) -> Verdict:
    """Hold a model's figures against the thresholds.

    It passes if every threshold for whole sentences holds, with a reservation if one holds narrowly, if one
    that is not decisive is missed, or if something is untested; it fails if a decisive one is missed. The
    base's change against itself is not asked for.

    Args:
        model: 0 for the base.
        name: how people call it.
        figures: see ``figures_of``.
        thresholds: to hold them against.
        untested: what the report does not speak of, beside figures without a value.
    """
    checks = tuple(
        Check(threshold=one, found=found, status=one.status(found))
        for one in thresholds
        for found in (figures[one.way, one.name],)
        if model or one.name != "affirmed_change"
    )
    own = [check for check in checks if check.threshold.way == "sentence"]
    missing = [check.threshold.title for check in own if check.status == "untested"]
    verdict = Verdict(
        model=model, name=name, outcome="untested", words="", checks=checks, untested=(*missing, *untested)
    )
    outcome = _outcome(verdict, own)
    return Verdict(
        model=model,
        name=name,
        outcome=outcome,
        words=_words(verdict, outcome),
        checks=checks,
        untested=verdict.untested,
    )


def hold(gate: Gate, verdicts: Sequence[Verdict]) -> GateResult:
    """Hold the candidates against a gate: the tuned models, or the base where it stands alone.

    A threshold that a gate names and the report could not measure is missed.
    """
    judged = verdicts[1:] or verdicts
    keys = {threshold.key for threshold in gate.thresholds}
    missed = [
        f"{verdict.name}: {describe(check)}"
        for verdict in judged
        for check in verdict.checks
        if check.threshold.key in keys and check.status in ("fails", "untested")
    ]
    if len(verdicts) == 1 and "sentences.affirmed_change" in keys:
        missed.append(f"{verdicts[0].name}: sentences.affirmed_change is untested: it needs a --text-encoder")
    return GateResult(judged=tuple(one.name for one in judged), thresholds=len(keys), missed=tuple(missed))


def describe(check: Check) -> str:
    """A check in words, for a terminal."""
    limit = f"{'at least' if check.threshold.at_least else 'at most'} {check.threshold.limit:g}"
    if check.status == "untested":
        return f"{check.threshold.key} is untested ({limit} is asked for)"
    return f"{check.threshold.key} is {check.found}, {limit} is asked for"


def _outcome(verdict: Verdict, own: Sequence[Check]) -> Outcome:
    decisive = [check.status for check in own if check.threshold.name in DECISIVE]
    if "fails" in decisive:
        return "fails"
    if verdict.check("sentence", "no_x").status == "untested":
        return "untested"
    return (
        "passes"
        if all(check.status == "passes" for check in own) and not verdict.untested
        else "passes with a reservation"
    )


def _words(verdict: Verdict, outcome: Outcome) -> str:
    right = verdict.check("sentence", "no_x").found.value
    if outcome == "untested":
        return "No label of this archive lets “no X” be tested. Nothing is known of this model's “no”."
    if outcome == "fails":
        shown = _of_hundred(1 - right)
        lost = verdict.check("sentence", "no_x").status != "fails"
        said = (
            "It hears “no”, but it has lost findings that its base knows."
            if lost
            else f"Asked for “no X” it returns images that show X in {shown} of 100 cases."
        )
        return f"{said} {_advice(verdict)}"
    said = f"Asked for “no X” as a whole sentence, {_of_hundred(right)} of 100 hits are free of X."
    violation = verdict.check("sentence", "exclusion_violation")
    if violation.status == "fails":
        shown = _of_hundred(violation.found.value)
        said += f" “A but no B” still shows B in {shown} of 100: use a parsing method there."
    return said


def _advice(verdict: Verdict) -> str:
    parsed = [check.status for check in verdict.checks if check.threshold.way == "parsed"]
    if all(status in ("passes", "narrowly") for status in parsed):
        return "Use it only with a parsing method (below), never with whole sentences."
    if "fails" in parsed:
        return "A parsing method does not mend it either: do not exclude anything with it."
    return "Whether a parsing method mends it is untested."


def _of_hundred(share: float) -> str:
    return "an unknown number" if math.isnan(share) else f"{np.clip(100 * share, 0, 100):.0f}"


def reasons(verdict: Verdict) -> tuple[str, ...]:
    """The verdict's arithmetic: how many thresholds pass, which do not, what is untested."""
    own = [check for check in verdict.checks if check.threshold.way == "sentence"]
    passed = sum(check.status in ("passes", "narrowly") for check in own)
    told = [f"{passed} of {len(own)} thresholds for whole sentences pass"]
    for status, words in (("narrowly", "narrowly: "), ("fails", "fails: ")):
        titles = [check.threshold.title.partition(",")[0] for check in own if check.status == status]
        if titles:
            told.append(words + ", ".join(titles))
    if verdict.untested:
        told.append("untested: " + ", ".join(verdict.untested))
    return tuple(told)
