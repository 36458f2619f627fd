"""Floors on sentences and reports by other hands: NegEx, and Open-i with NegBio's gold labels."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from medneg.query import label_report, label_schema, polarity_of

REAL = Path(__file__).parents[2].parent / "shared" / "real"
NEGEX = REAL / "negation" / "negex" / "rsAnnotations-1-120-random.txt"
OPENI = REAL / "reports" / "openi_reports.csv"


def f1(gold: list[bool], said: list[bool]) -> float:
    both = sum(g and s for g, s in zip(gold, said, strict=True))
    return 2 * both / (sum(gold) + sum(said))


@pytest.mark.skipif(not NEGEX.exists(), reason="the NegEx sentences are not here")
def test_negated_phrases_of_clinical_sentences_are_found():
    gold, said = [], []
    for line in NEGEX.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
        _, concept, sentence, status, *_ = line.split("\t")
        sentence, concept = " ".join(sentence.split()), " ".join(concept.split())
        marked, anywhere = re.escape(concept.upper()), f"(?i){re.escape(concept)}"
        found = re.search(marked, sentence) or re.search(anywhere, sentence)
        gold.append(status == "Negated")
        said.append(found is not None and polarity_of(sentence, found.span()) == "negated")
    assert f1(gold, said) >= 0.97


@pytest.mark.skipif(not OPENI.exists(), reason="the Open-i reports are not here")
@pytest.mark.parametrize(
    ("step", "floor"), [(6, 0.9), pytest.param(1, 0.92, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_labels_of_open_i_reports_agree_with_the_gold_standard(step: int, floor: float):
    schema = label_schema("openi")
    gold, said = [], []
    with OPENI.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["in_gold"], row["negbio_testset"]) == ("1", "0")]
    for row in rows[::step]:
        labels = label_report(f"FINDINGS: {row['findings']}\nIMPRESSION: {row['impression']}")
        states = schema.states({finding: label.state for finding, label in labels.items()})
        named = schema.named(row["gold14"]) or frozenset()
        for label in schema.labels:
            gold.append(label.name in named)
            said.append(states.get(label.name) == "present")
    assert f1(gold, said) >= floor
