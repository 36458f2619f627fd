import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from medneg.phantom import wording
from medneg.phantom.report import READING_ORDER, write_report
from medneg.phantom.sampling import sample_studies
from medneg.phantom.truth import FINDINGS, FindingTruth

NEGATION = re.compile(r"\b(no|not|without|free of|absent|absence|negative for)\b", re.IGNORECASE)
NAMES = {
    "pleural_effusion": r"effusions?|pleural fluid",
    "pneumothorax": r"pneumothora",
    "cardiomegaly": r"cardiomegaly|heart (is|size)|enlargement of the heart|cardiac (silhouette|enlargement)",
    "consolidation": r"consolidation",
    "pulmonary_edema": r"edema",
    "atelectasis": r"atelecta",
    "lung_nodule": r"nodule",
    "lung_mass": r"mass",
    "calcified_granuloma": r"granuloma",
    "aortic_calcification": r"aort|along the arch",
    "rib_fracture": r"\bribs?\b|fracture",
    "pacemaker": r"pacemaker",
    "endotracheal_tube": r"endotracheal",
    "central_venous_catheter": r"central venous",
}


@pytest.fixture(scope="module")
def reported():
    """(study, previous, report) of 500 studies and more."""
    studies = list(sample_studies(21, 500, rows=64))
    pairs = [(studies[0], None)]
    pairs += [(b, a if a.patient == b.patient else None) for a, b in pairwise(studies)]
    return [(study, previous, write_report(study, previous)) for study, previous in pairs]


def part(report: str, title: str) -> str:
    found = re.search(rf"^{title}: (.*)$", report, re.MULTILINE)
    return found[1] if found else ""


def sentences(report: str) -> list[str]:
    text = part(report, "FINDINGS") + " " + re.sub(r"(^| )\d\. ", " ", part(report, "IMPRESSION"))
    return [sentence for sentence in re.split(r"(?<=\.)\s+", text.strip()) if sentence]


def naming(report: str, finding: str) -> list[str]:
    return [s for s in sentences(report) if re.search(NAMES[finding], s, re.IGNORECASE)]


def test_about_four_sentences_in_ten_are_negations(reported):
    all_sentences = [sentence for _, _, report in reported for sentence in sentences(report)]
    negated = sum(bool(NEGATION.search(sentence)) for sentence in all_sentences)
    assert 0.35 <= negated / len(all_sentences) <= 0.45


def test_what_is_there_is_never_denied(reported):
    for study, _, report in reported:
        for truth in study.findings:
            denied = [s for s in naming(report, truth.finding) if NEGATION.search(s)]
            assert not denied, (truth, denied)


def test_what_is_there_is_always_named(reported):
    for study, _, report in reported:
        for truth in study.findings:
            assert naming(report, truth.finding), (truth, report)


def test_what_is_not_there_is_only_denied_normal_or_gone(reported):
    fine = re.compile(
        NEGATION.pattern + r"|resol|remov|normal|unremarkable|intact|sharp|within", re.IGNORECASE
    )
    for study, _, report in reported:
        for finding in set(FINDINGS) - {truth.finding for truth in study.findings}:
            for sentence in naming(report, finding):
                assert fine.search(sentence), (finding, sentence)


def test_the_right_side_is_named(reported):
    for study, _, report in reported:
        for truth in study.findings:
            other = {"left": "right", "right": "left"}.get(truth.side or "")
            for sentence in naming(report, truth.finding):
                if other and "resolved" not in sentence and "removed" not in sentence:
                    assert not re.search(rf"\b{other}\b", sentence), (truth, sentence)


def test_only_a_follow_up_compares(reported):
    for _, previous, report in reported:
        if previous is None:
            assert not re.search(
                r"unchanged|resolved|interval|stable|\bnew\b", part(report, "FINDINGS").lower()
            )
        else:
            assert previous.date in part(report, "COMPARISON")


def test_follow_ups_tell_what_changed(reported):
    text = " ".join(report for _, previous, report in reported if previous is not None).lower()
    for word in ("unchanged", "has resolved", "new", "increased", "decreased", "removed", "stable"):
        assert word in text


def test_small_findings_are_sometimes_left_open(reported):
    reports = [report for _, _, report in reported]
    assert sum("may represent" in report for report in reports) > 10
    assert sum("cannot be excluded" in report for report in reports) > 5


def test_reports_have_their_four_parts_and_no_open_field(reported):
    for _, _, report in reported:
        assert report.startswith("INDICATION: ")
        assert part(report, "FINDINGS")
        assert part(report, "IMPRESSION")
        assert not re.search(r"[{}]|  |\bNone\b(?!\.| available)|\ba [aeio]|\ban [^aeiou]", report), report


def test_sentences_vary(reported):
    assert len({sentence for _, _, report in reported for sentence in sentences(report)}) > 800


def test_a_report_is_the_same_every_time():
    study = next(sample_studies(3, 1))
    assert write_report(study) == write_report(study)
    assert write_report(study) != write_report(replace(study, study="2.25.1"))


@pytest.mark.parametrize("finding", FINDINGS)
def test_every_finding_has_words_enough(finding):
    words = wording.templates()["findings"][finding]
    assert len(set(words.get("present_both", words["present_one"]))) >= 6
    assert len(set(words["absent"])) >= 4
    assert finding in READING_ORDER
    for sentence in words["absent"]:
        assert NEGATION.search(sentence)
    for sentence in words["present_one"] + words.get("present_both", []) + words.get("uncertain", []):
        assert not NEGATION.search(sentence)


def test_templates_are_plain_json():
    assert json.loads(json.dumps(wording.templates())) == wording.templates()


@pytest.mark.parametrize(
    ("template", "want"),
    [
        ("There is {a_phrase}.", r"There is an? \w+ .*pneumothorax.*\."),
        ("{The_phrase} {has} grown.", r"The \w+ .*pneumothorax.* has grown\."),
        ("{A_size} one at the {zone}", r"A (large|sizeable) one at the left( lung)? apex"),
    ],
)
def test_fields_of_a_template_are_filled(template, want):
    from numpy.random import default_rng

    truth = FindingTruth(finding="pneumothorax", seed=1, side="left", size="large", place="apical")
    assert re.fullmatch(want, wording.fill(template, truth, default_rng(0)))
