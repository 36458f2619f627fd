"""The training's sentences: pairs that differ in polarity alone, and nothing of what is measured unseen."""

from __future__ import annotations

import re

from numpy.random import default_rng

from finetune.wordings import carriers, name
from medneg.evaluation.wordings import carriers as measured
from medneg.evaluation.wordings import con2_prompts

UNSEEN = ("affirmed", "negated", "exclusion")
"""Kinds of ExclusionBench whose natural wordings count as never seen."""


def phrases(carrier: str) -> set[tuple[str, ...]]:
    """Every three words in a row, a blank being a word; joints of two blanks ("A and B") say nothing."""
    words = ["_" if word.startswith("{") else word for word in re.findall(r"\{\w+\}|[a-z0-9'-]+", carrier)]
    runs = {tuple(words[i : i + 3]) for i in range(len(words) - 2)}
    return {run for run in runs if run.count("_") < 2}


def sentences() -> set[str]:
    """Every carrier with every opener and closer, and every joint between two halves of pairs."""
    known = carriers()
    halves = [half.replace("{x}", "{a}") for pair in known.pairs for half in pair]
    dressed = {f"{opener}{one}" for one in known.all for opener in known.openers}
    dressed |= {f"{one}{closer}" for one in known.all for closer in known.closers}
    joined = {f"{a}{joint}{b}" for a in halves for b in halves for joint in known.joints}
    return {written.lower() for written in dressed | joined}


def test_training_shares_no_carrier_phrase_with_the_unseen_wordings():
    unseen = [carrier for kind in UNSEEN for carrier in measured()[kind]["natural"]]
    unseen += [
        prompt for group in ("natural positive", "natural negative") for prompt in con2_prompts()[group]
    ]
    kept = {run: carrier for carrier in unseen for run in phrases(carrier.lower())}
    shared = [(written, kept[run]) for written in sentences() for run in phrases(written) & kept.keys()]
    assert len(unseen) > 60
    assert not shared


def test_every_pair_has_its_blank_in_both_polarities_and_no_carrier_comes_twice():
    pairs = carriers().pairs
    assert all("{x}" in affirmed and "{x}" in negated and affirmed != negated for affirmed, negated in pairs)
    assert len(set(carriers().all)) == len(carriers().all)


def test_exclusions_name_both_findings_once():
    assert all(c.count("{a}") == c.count("{b}") == 1 for c in (*carriers().exclusion, *carriers().both))


def test_a_finding_is_called_by_its_prompt_most_often():
    rng = default_rng(0)
    called = [name("pleural_effusion", rng) for _ in range(200)]
    assert called.count("pleural effusion") > 100
    assert len(set(called)) > 5
