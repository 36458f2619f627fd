"""The tables in ``data/`` are the carriers filled in, neither more nor less."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from medneg.evaluation.exclusionbench import exclusionbench
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import con2_prompts
from medneg.phantom.truth import FINDINGS

DATA = Path(__file__).parents[2] / "data"


def text(rows):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()


def prompts():
    yield ("group", "prompt")
    for group, carriers in con2_prompts().items():
        yield from ((group, carrier.format(x="pleural effusion")) for carrier in carriers)


def questions():
    """A gallery in which every pair and triple of the phantoms' findings occurs."""
    labels = np.random.default_rng(0).random((4000, len(FINDINGS))) < 0.18
    asked = exclusionbench(Truth.from_labels(labels, FINDINGS), how="gold", rng=np.random.default_rng(0))
    yield ("kind", "wording", "words", "wanted", "unwanted", "open")
    for one in asked:
        meant = ("|".join(ids) for ids in (one.asked.wanted, one.asked.unwanted, one.asked.open))
        yield (one.kind, one.wording, one.query.raw, *meant)


def test_the_prompts_are_those_that_the_program_asks():
    assert (DATA / "con2/prompts.csv").read_text(encoding="utf-8") == text(prompts())


def test_the_questions_are_those_that_the_program_asks():
    assert (DATA / "exclusionbench/questions.csv").read_text(encoding="utf-8") == text(questions())
