"""Reports to states, and states to the labels of data sets."""

from __future__ import annotations

import time

import pytest

from medneg.errors import UnknownName
from medneg.query import label_report, label_schema, lexicon, polarity_of
from medneg.query.label_schemas import NAMES
from medneg.values import FindingState


def states(report: str) -> dict[str, FindingState]:
    return {finding: label.state for finding, label in label_report(report).items()}


@pytest.mark.parametrize(
    ("sentence", "finding", "state"),
    [
        ("The effusion seen on the last examination has resolved.", "pleural_effusion", "absent"),
        ("The left chest tube noted on the prior study has been removed.", "chest_tube", "absent"),
        ("The ETT has been pulled back 2 cm.", "endotracheal_tube", "present"),
        ("Left pneumothorax has been evacuated.", "pneumothorax", "absent"),
        ("No focal consolidation, visible pneumothorax or large effusion.", "pneumothorax", "absent"),
        ("No focal consolidation, visible pneumothorax or large effusion.", "pleural_effusion", "absent"),
        ("Effusion, consolidation and pneumothorax are absent.", "pleural_effusion", "absent"),
        ("There is mild XXXX without pulmonary edema.", "pulmonary_edema", "absent"),
        ("The chest is negative for effusion.", "pleural_effusion", "absent"),
        ("-ve for effusion", "pleural_effusion", "absent"),
        ("- Effusion\n- Cardiomegaly", "pleural_effusion", "present"),
        ("Bony overlap could obscure a small nodule.", "lung_nodule", "uncertain"),
        ("CT is more sensitive in detecting small nodules.", "lung_nodule", "uncertain"),
        ("Correlate clinically for pneumonia.", "pneumonia", "uncertain"),
        ("Recommend CT to exclude malignancy.", "malignancy", "uncertain"),
        ("Followup to ensure that there is no underlying mass.", "lung_mass", "uncertain"),
        ("The differential diagnosis includes round pneumonia and mass.", "lung_mass", "uncertain"),
        ("Opacity could include edema, infectious process or fibrosis.", "infection", "uncertain"),
        ("It may represent edema, atelectasis, or changes of old disease.", "atelectasis", "uncertain"),
        ("Atelectasis versus pneumonia.", "atelectasis", "uncertain"),
        ("Aspiration is also possible.", "aspiration", "uncertain"),
        ("Opacity in an aspect of the right lobe, concerning for pneumonia.", "pneumonia", "uncertain"),
        ("Nondistended, effusion on the left.", "pleural_effusion", "present"),
        ("Infiltrates and edema have resolved.", "infiltrate", "absent"),
        ("Effusion and edema are also possible.", "pleural_effusion", "uncertain"),
        ("Pneumonia?", "pneumonia", "uncertain"),
        ("Something unheard\nPossible edema.", "pulmonary_edema", "uncertain"),
        ("Opacities likely reflect atelectasis.", "lung_opacity", "present"),
        ("Opacities likely reflect atelectasis.", "atelectasis", "uncertain"),
        ("Opacity probably atelectasis.", "lung_opacity", "present"),
        ("Effusion, if any, is minimal.", "pleural_effusion", "uncertain"),
        ("Patient was ruled out for pneumonia.", "pneumonia", "absent"),
        ("Lung volumes are low.", "low_lung_volumes", "present"),
        ("Costophrenic XXXX blunting.", "blunted_costophrenic_angle", "present"),
        ("The heart XXXX is slightly large.", "cardiomegaly", "present"),
        ("Stable right effusion, unchanged from the prior study.", "pleural_effusion", "present"),
        ("Lungs: Clear. Heart: Normal size.", "cardiomegaly", "absent"),
        ("Small left effusion (unchanged). No edema.", "pleural_effusion", "present"),
    ],
)  # fmt: skip
def test_turns_of_phrase_of_reports(sentence: str, finding: str, state: FindingState):
    assert states(sentence)[finding] == state


@pytest.mark.parametrize(
    ("report", "normal"),
    [("Normal.", True), ("The chest is normal.", True), ("The skin is unremarkable.", False)],
)
def test_what_the_lexicon_lacks_may_be_normal_without_the_chest_being_so(report: str, normal: bool):
    assert ("normal_chest" in states(report)) == normal


def test_a_finding_that_is_only_a_place_is_there():
    said = states("No calcification within the nodule.")
    assert (said["calcification"], said["lung_nodule"]) == ("absent", "present")


def test_leads_of_a_pacemaker_are_a_pacemaker():
    said = states("The pacemaker leads run from the left chest to the right ventricle.")
    assert lexicon().state("pacemaker", said) == "present"


def test_what_is_denied_is_denied_of_its_kinds_and_not_the_other_way_round():
    said = states("The lungs are clear.")
    assert lexicon().state("consolidation", said) == "absent"
    assert lexicon().state("pleural_effusion", said) is None


def test_present_outranks_uncertain_and_uncertain_outranks_absent():
    report = "FINDINGS: {}. IMPRESSION: {}."
    said = ("Effusion", "Possible effusion", "No effusion")
    for place, first in enumerate(said):
        for other, second in enumerate(said):
            expected = ("present", "uncertain", "absent")[min(place, other)]
            assert states(report.format(first, second))["pleural_effusion"] == expected


def test_a_label_knows_its_words_its_sentence_and_its_section():
    report = "HISTORY: Cough. FINDINGS: Clear. IMPRESSION: No left effusion."
    label = label_report(report)["pleural_effusion"]
    assert report[slice(*label.sentence)] == "No left effusion"
    assert label.mention.span is not None
    assert report[slice(*label.mention.span)] == "left effusion"
    assert label.section == "impression"


def test_any_words_of_a_sentence_have_a_polarity():
    sentence = "He denies fever, chills or night sweats but has a cough."
    for words, polarity in (("night sweats", "negated"), ("cough", "affirmed")):
        start = sentence.index(words)
        assert polarity_of(sentence, (start, start + len(words))) == polarity


@pytest.mark.parametrize("span", [(3, 3), (-1, 4), (0, 99), (2, 3)])
def test_a_span_without_words_is_refused(span: tuple[int, int]):
    with pytest.raises(ValueError, match="the span must hold words of the sentence's 9 characters"):
        polarity_of("no effusi"[:2] + " " + "effusi", span)


@pytest.mark.parametrize(
    "part", ["a,", "effusion, no ", "FINDINGS: a\n", "a:", "(", "no\n", "heart and ", "?"]
)
def test_twice_the_text_takes_no_more_than_about_twice_the_time(part: str):
    label_report(part)
    times = []
    for length in (5_000, 10_000):
        began = time.process_time()
        label_report(part * (length // len(part)))
        times.append(time.process_time() - began)
    assert times[1] < 3 * times[0] + 0.2


# Schemas


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_speaks_of_findings_that_exist(name: str):
    schema = label_schema(name)
    assert len(set(schema.columns)) == len(schema.columns)
    for label in schema.labels:
        assert set(label.roots) <= set(label.findings) or label.name == "Hernia"
        assert all(finding in lexicon() for finding in label.findings)


def test_chexpert_and_nih_have_their_fourteen_labels():
    assert len(label_schema("chexpert").columns) == 14
    assert len(label_schema("nih").labels) == 14


def test_an_unknown_schema_is_refused_by_name():
    with pytest.raises(UnknownName, match="unknown label schema 'icd'; choose one of: chexpert, nih"):
        label_schema("icd")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"subpulmonic_effusion": "present"}, {"Pleural Effusion": "present"}),
        ({"lung_opacity": "absent"}, {"Lung Opacity": "absent", "Edema": "absent", "No Finding": "present"}),
        ({"pneumonia": "uncertain", "lung_opacity": "absent"}, {"Pneumonia": "uncertain", "Edema": "absent"}),
        ({"picc_line": "present"}, {"Support Devices": "present", "No Finding": "present"}),
        ({"tension_pneumothorax": "absent"}, {"Pneumothorax": None, "No Finding": "present"}),
        ({"tuberculosis": "present"}, {"Pneumonia": None}),
        ({"nodular_opacity": "present"}, {"Lung Lesion": "present"}),
    ],
)  # fmt: skip
def test_states_become_chexpert_labels(said: dict[str, FindingState], expected: dict[str, str | None]):
    found = label_schema("chexpert").states(said)
    assert {name: found.get(name) for name in expected} == expected


def test_nothing_said_is_not_a_normal_report():
    assert label_schema("chexpert").states({}) == {}


def test_a_nodular_opacity_is_no_nodule_for_chestxray14():
    assert label_schema("nih").states({"nodular_opacity": "present"}) == {"No Finding": "present"}


def test_terms_of_a_list_become_labels():
    mesh = label_schema("mesh")
    assert mesh.named("Calcinosis/aorta/mild; Nonsense; normal") == {
        "Calcinosis",
        "Calcinosis/aorta",
        "normal",
    }
    assert mesh.named("No Indexing") is None
    assert label_schema("openi").named("Effusion|Mass") == {"Effusion", "Mass"}
    assert label_schema("openi").named("") == frozenset()
    assert mesh.findings_named("Calcinosis/aorta") == {
        "aortic_calcification", "vascular_calcification", "calcification"
    }  # fmt: skip
