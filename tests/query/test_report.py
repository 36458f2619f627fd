"""Reports: sections, sentences, and the findings of phantom reports against their truth."""

from __future__ import annotations

import csv
import time
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medneg.phantom.report import write_report
from medneg.phantom.sampling import Study, sample_studies
from medneg.phantom.truth import FINDINGS
from medneg.query import lexicon, read_report
from medneg.values import Mention

OPENI = Path(__file__).parents[2].parent / "shared" / "real" / "reports" / "openi_reports.csv"


def states(report: str) -> dict[str, str]:
    """Each finding's polarity; affirmed outranks uncertain, and uncertain outranks negated."""
    found: dict[str, str] = {}
    mentions = read_report(report)
    for polarity in ("affirmed", "uncertain", "negated"):
        for mention in mentions:
            if mention.polarity == polarity and mention.finding:
                for finding in (mention.finding, *_kin(mention)):
                    found.setdefault(finding, polarity)
    return found


def _kin(mention: Mention) -> tuple[str, ...]:
    finding = mention.finding or ""
    return lexicon().descendants(finding) if mention.polarity == "negated" else lexicon().ancestors(finding)


def test_indication_and_comparison_are_no_findings():
    report = (
        "INDICATION: Pneumothorax?\nCOMPARISON: Effusion in May.\n"
        "FINDINGS: Cardiomegaly.\nIMPRESSION: No edema."
    )
    assert [(mention.finding, mention.polarity) for mention in read_report(report)] == [
        ("cardiomegaly", "affirmed"),
        ("pulmonary_edema", "negated"),
    ]


def test_spans_point_into_the_report():
    report = "FINDINGS: The lungs are clear. There is a small left effusion."
    for mention in read_report(report):
        assert mention.span is not None
        assert report[slice(*mention.span)] in {"lungs are clear", "small left effusion"}


@pytest.mark.parametrize(
    ("sentence", "finding", "state"),
    [
        ("No pneumothorax, pleural effusion, or focal consolidation.", "consolidation", "negated"),
        ("No pneumothorax, effusion.", "pleural_effusion", "negated"),
        ("No pneumothorax and the heart is mildly enlarged.", "cardiomegaly", "affirmed"),
        ("The heart is normal in size. The lungs are clear.", "cardiomegaly", "negated"),
        ("The heart is normal in size. The lungs are clear.", "lung_nodule", "negated"),
        ("Cardiac and mediastinal contours are within normal limits.", "cardiomegaly", "negated"),
        ("Cardiac and mediastinal contours are within normal limits.", "widened_mediastinum", "negated"),
        ("Pneumonia cannot be excluded.", "pneumonia", "uncertain"),
        ("Opacity may represent atelectasis.", "atelectasis", "uncertain"),
        ("Evidence of prior granulomatous disease.", "granulomatous_disease", "affirmed"),
        ("Unchanged right effusion.", "pleural_effusion", "affirmed"),
        ("The ribs are intact.", "rib_fracture", "negated"),
        ("1. Stable 2.5 cm nodule. 2. No effusion", "lung_nodule", "affirmed"),
        ("1. Stable 2.5 cm nodule. 2. No effusion", "pleural_effusion", "negated"),
    ],
)
def test_sentences_of_reports(sentence: str, finding: str, state: str):
    assert states(sentence)[finding] == state


def test_an_announcement_is_no_finding():
    assert read_report("Findings: Acute process.") == ()


def test_phantom_reports_agree_with_their_truth():
    studies = list(islice(sample_studies(seed=5, studies=60), 60))
    right = [_agrees(study, finding) for study in studies for finding in FINDINGS]
    assert sum(right) / len(right) >= 0.97


def _agrees(study: Study, finding: str) -> bool:
    state = states(write_report(study)).get(finding)
    if study.find(finding) is None:
        return state in {None, "negated"}
    return state in {"affirmed", "uncertain"}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_a_report(text: str):
    for mention in read_report(text):
        assert mention.span is not None
        assert text[slice(*mention.span)]


@pytest.mark.slow
@pytest.mark.skipif(not OPENI.exists(), reason="the Open-i reports are not here")
def test_real_reports_are_read_quickly_and_without_an_error():
    with OPENI.open(encoding="utf-8", newline="") as file:
        reports = [
            f"FINDINGS: {row['findings']}\nIMPRESSION: {row['impression']}" for row in csv.DictReader(file)
        ]
    began = time.process_time()
    mentioned = sum(len(read_report(report)) for report in reports)
    assert mentioned > 5 * len(reports)
    assert time.process_time() - began < 0.02 * len(reports)
