"""Sections and sentences: where a report says what was seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medneg.query.report_text import LONGEST_SENTENCE, sections, sentences


def read_parts(report: str) -> list[tuple[str, str]]:
    return [(section.name, report[section.start : section.end].strip()) for section in sections(report)]


def split(text: str) -> list[str]:
    return [text[slice(*span)] for span in sentences(text, 0, len(text))]


@pytest.mark.parametrize(
    ("report", "parts"),
    [
        ("Clear lungs. No effusion.", [("body", "Clear lungs. No effusion.")]),
        ("FINDINGS: Clear.\nIMPRESSION: Normal.", [("findings", "Clear."), ("impression", "Normal.")]),
        ("Findings\nClear.\n\nImpression\nNormal.", [("findings", "Clear."), ("impression", "Normal.")]),
        ("**FINDINGS:** Clear.", [("findings", "** Clear.")]),
        ("HISTORY: Cough. FINDINGS: Clear. IMPRESSION: OK.", [("findings", "Clear."), ("impression", "OK.")]),
        ("INDICATION cough FINDINGS: Clear", [("findings", "Clear")]),
        ("CLINICAL HISTORY/INDICATION: Pain.\nFINDINGS: Clear.", [("findings", "Clear.")]),
        ("FINDINGS AND IMPRESSION: Clear.", [("findings", "Clear.")]),
        ("FINDINGS (2 views): Clear.", [("findings", "Clear.")]),
        ("Heart normal. IMPRESSION: Normal.", [("body", "Heart normal."), ("impression", "Normal.")]),
        ("PA chest for pneumonia. FINDINGS: Clear.", [("findings", "Clear.")]),
        ("FINDINGS: Clear. RECOMMENDATION: CT to exclude mass.", [("findings", "Clear.")]),
        ("INDICATION: Pneumonia?\nThe lungs are clear.", [("body", "The lungs are clear.")]),
        ("Indication: pneumonia. The lungs are clear.", [("body", "The lungs are clear.")]),
        ("HISTORY: Mass.\nLungs: Clear.\nHeart: OK.", [("body", "Lungs: Clear."), ("body", "Heart: OK.")]),
        ("FINDINGS: No change in comparison: none.", [("findings", "No change in comparison: none.")]),
        ("", []),
    ],
)  # fmt: skip
def test_what_was_seen_is_read_and_nothing_else(report: str, parts: list[tuple[str, str]]):
    assert read_parts(report) == parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A 2.5 cm nodule. No effusion.", ["A 2.5 cm nodule", "No effusion"]),
        ("1. Edema 2. No effusion", ["Edema", "No effusion"]),
        ("1) Edema 2) no effusion", ["Edema", "no effusion"]),
        ("Seen by Dr. Who at 3 p.m. today", ["Seen by Dr. Who at 3 p.m. today"]),
        ("Opacity, e.g. edema", ["Opacity, e.g. edema"]),
        ("Clear lobe.There is edema", ["Clear lobe", "There is edema"]),
        ("Edema; effusion", ["Edema", "effusion"]),
        ("Pneumonia? Edema", ["Pneumonia?", "Edema"]),
        ("No effusion or\nedema", ["No effusion or\nedema"]),
        ("No effusion,\nEdema", ["No effusion,\nEdema"]),
        ("Small effusion\nPossible edema", ["Small effusion", "Possible edema"]),
        ("- Edema\n- No effusion", ["- Edema", "- No effusion"]),
        ("Edema\r\n\r\neffusion", ["Edema", "effusion"]),
    ],
)
def test_sentences_end_where_they_should(text: str, expected: list[str]):
    assert split(text) == expected


def test_a_line_that_was_full_goes_on_in_the_next():
    wrapped = "NO EVIDENCE OF FOCAL CONSOLIDATION, PLEURAL EFFUSION OR RIGHT\nPNEUMOTHORAX IS SEEN"
    assert split(wrapped) == [wrapped]


def test_a_sentence_without_end_is_cut_at_a_blank():
    pieces = split("no effusion and " * 200)
    assert max(map(len, pieces)) <= LONGEST_SENTENCE
    assert {piece.split()[0] for piece in pieces} <= {"no", "effusion", "and"}


@given(st.text(alphabet=st.sampled_from("aB :.\n?1)(;,-FINDINGSimpression"), max_size=300))
def test_sections_and_sentences_follow_each_other(text: str):
    end = 0
    for section in sections(text):
        assert end <= section.start < section.end <= len(text)
        at = section.start
        for first, last in sentences(text, section.start, section.end):
            assert at <= first < last <= section.end
            at = last
        end = section.end
