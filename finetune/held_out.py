"""What no training sentence may say: three words in a row of a carrier that is kept for measuring."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

from medneg.evaluation.wordings import carriers as benchmark
from medneg.evaluation.wordings import con2_prompts

Run = tuple[str, ...]
WORD = re.compile(r"\{\w+\}|[a-z0-9'-]+")
KINDS = ("affirmed", "negated", "exclusion")
"""Kinds of ExclusionBench whose natural wordings are kept, and of the sets below."""


@lru_cache(maxsize=1)
def validation() -> Mapping[str, Sequence[str]]:
    """Carriers never trained on by which trainings are chosen, by ExclusionBench's kinds."""
    return _read("validation.json")


@lru_cache(maxsize=1)
def fresh() -> Mapping[str, Sequence[str]]:
    """Carriers never trained on and never chosen by: they are measured when a tower is finished."""
    return _read("fresh.json")


def _read(name: str) -> Mapping[str, Sequence[str]]:
    text = files("finetune").joinpath("assets", name).read_text(encoding="utf-8")
    found: Mapping[str, Sequence[str]] = json.loads(text)
    return found


def runs(carrier: str) -> frozenset[Run]:
    """Every three words in a row, a blank being a word; joints of two blanks ("A and B") say nothing.

    Example:
        >>> sorted(runs("free of {a} now"))
        [('free', 'of', '_'), ('of', '_', 'now')]
    """
    words = ["_" if word.startswith("{") else word for word in WORD.findall(carrier.lower())]
    found = (tuple(words[i : i + 3]) for i in range(len(words) - 2))
    return frozenset(run for run in found if run.count("_") < 2)


@lru_cache(maxsize=1)
def held_out() -> tuple[str, ...]:
    """All carriers that are kept for measuring."""
    kept = [carrier for kind in KINDS for carrier in benchmark()[kind]["natural"]]
    kept += [prompt for group in ("natural positive", "natural negative") for prompt in con2_prompts()[group]]
    kept += [carrier for told in (validation(), fresh()) for kind in KINDS for carrier in told[kind]]
    return tuple(kept)


@lru_cache(maxsize=1)
def _kept_runs() -> frozenset[Run]:
    return frozenset().union(*(runs(carrier) for carrier in held_out()))


def may_train(carrier: str) -> bool:
    """Whether a carrier, blanks and all, shares no run with those that are kept for measuring."""
    return not runs(carrier) & _kept_runs()
