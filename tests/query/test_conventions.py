"""What queries mean, one table a convention (docs/explanation/reading-queries.md)."""

from __future__ import annotations

import pytest

from medneg.query import parse


def read(query: str) -> tuple[list[str], list[str], list[str]]:
    """Wanted, unwanted with the first letter of their strength, uncertain."""
    found = parse(query)
    return (
        [mention.text for mention in found.affirmed],
        [f"{mention.text}/{mention.strength[0]}" for mention in found.negated if mention.strength],
        [mention.text for mention in found.uncertain],
    )


def check(query: str, wanted: str = "", unwanted: str = "", uncertain: str = "") -> None:
    expected = tuple(
        [word.strip() for word in part.split(";") if word.strip()] for part in (wanted, unwanted, uncertain)
    )
    assert read(query) == expected


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("effusion", "pleural effusion", ""),
        ("no pneumothorax", "", "pneumothorax/s"),
        ("effusion but no calcification", "pleural effusion", "calcification/s"),
        ("effusion -calcification", "pleural effusion", "calcification/s"),
        ("effusion NOT calcification", "pleural effusion", "calcification/s"),
        ("effusion !calcification", "pleural effusion", "calcification/s"),
        ('pneumothorax -"chest tube"', "pneumothorax", "chest tube/s"),
        ("-calcification effusion", "pleural effusion", "calcification/s"),
        ("mass without calcification or cavitation", "lung mass", "calcification/s; cavitation/s"),
        ("consolidation, no effusion, no ptx", "consolidation", "pleural effusion/s; pneumothorax/s"),
        ("neither effusion nor pneumothorax", "", "pleural effusion/s; pneumothorax/s"),
        ("nodule free of calcification", "lung nodule", "calcification/s"),
        ("calcification-free effusion", "pleural effusion", "calcification/s"),
        ("pneumothorax is absent", "", "pneumothorax/s"),
        ("effusion: yes, calcification: no", "pleural effusion", "calcification/s"),
        ("nodule in the right upper lobe w/o effusion", "right upper lobe lung nodule", "pleural effusion/s"),
    ],
)
def test_everyday_forms(query: str, wanted: str, unwanted: str):
    check(query, wanted, unwanted)


@pytest.mark.parametrize(
    ("query", "unwanted"),
    [
        ("without evidence of effusion", "pleural effusion/s"),
        ("does not show effusion", "pleural effusion/m"),
        ("effusion not seen", "pleural effusion/m"),
        ("lacks effusion", "pleural effusion/m"),
        ("no longer any effusion", "pleural effusion/m"),
        ("resolved effusion", "pleural effusion/m"),
        ("effusion has been ruled out", "pleural effusion/m"),
        ("no definite effusion", "pleural effusion/m"),
        ("extubated", "endotracheal tube/m"),
        ("heart is not enlarged", "cardiomegaly/m"),
        ("effusion is unlikely", "pleural effusion/w"),
        ("probably no effusion", "pleural effusion/w"),
        ("effusion appears absent", "pleural effusion/w"),
        ("hardly any effusion", "pleural effusion/w"),
    ],
)
def test_strength_follows_the_firmness_of_the_cue(query: str, unwanted: str):
    check(query, unwanted=unwanted)


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("clear lungs", "clear lungs", "lung opacity/w"),
        ("the heart is of normal size", "normal heart size", "cardiomegaly/w"),
        (
            "heart and mediastinum are normal",
            "normal heart size; normal mediastinum",
            "cardiomegaly/w; widened mediastinum/w",
        ),
        ("normal chest x-ray", "normal chest x-ray", "abnormality/w"),
        (
            "RLL consolidation with clear left lung",
            "right lower lobe consolidation; left clear lungs",
            "left lung opacity/w",
        ),
    ],
)
def test_normality_is_wanted_and_denies(query: str, wanted: str, unwanted: str):
    check(query, wanted, unwanted)


@pytest.mark.parametrize(
    "query",
    ["rule out effusion", "r/o effusion", "?effusion", "possible effusion", "cannot exclude effusion",
     "effusion not excluded", "history of effusion", "no new effusion", "suspicious for effusion",
     "may represent effusion", "effusion is possible"],
)  # fmt: skip
def test_doubt_and_history_are_left_open(query: str):
    check(query, uncertain="pleural effusion")


def test_a_differential_leaves_both_open():
    check("pneumonia vs edema, no effusion", "", "pleural effusion/s", "pneumonia; pulmonary edema")


@pytest.mark.parametrize(
    "query",
    ["no change in effusion", "not without effusion", "effusion is not absent", "not negative for effusion",
     "no case without effusion", "effusion has not resolved", "without doubt effusion"],
)  # fmt: skip
def test_a_negation_word_is_not_always_a_negation(query: str):
    check(query, "pleural effusion")


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("opacity other than consolidation", "lung opacity", "consolidation/s"),
        ("no findings other than cardiomegaly", "cardiomegaly", "findings/s"),
        ("clear lungs except for a small effusion", "clear lungs; small pleural effusion", "lung opacity/w"),
        ("atelectasis rather than pneumonia", "atelectasis", "pneumonia/s"),
    ],
)
def test_an_exception_turns_the_polarity(query: str, wanted: str, unwanted: str):
    check(query, wanted, unwanted)


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("no effusion but cardiomegaly", "cardiomegaly", "pleural effusion/s"),
        ("no effusion with cardiomegaly", "cardiomegaly", "pleural effusion/s"),
        ("no effusion; cardiomegaly", "cardiomegaly", "pleural effusion/s"),
        ("no effusion, cardiomegaly", "cardiomegaly", "pleural effusion/s"),
        ("no effusion, edema or cardiomegaly", "", "pleural effusion/s; pulmonary edema/s; cardiomegaly/s"),
        ("no effusion and the heart is enlarged", "cardiomegaly", "pleural effusion/s"),
    ],
)
def test_where_a_negation_ends(query: str, wanted: str, unwanted: str):
    check(query, wanted, unwanted)


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("no large effusion", "", "large pleural effusion/s"),
        ("effusion on the left, none on the right", "left pleural effusion", "right pleural effusion/s"),
        ("left but not right effusion", "left pleural effusion", "right pleural effusion/s"),
        ("effusion, not large", "pleural effusion", "large pleural effusion/s"),
        ("non-displaced rib fracture", "nondisplaced rib fracture", ""),
        ("effusion left > right", "pleural effusion", ""),
    ],
)
def test_modifiers_stay_with_their_finding(query: str, wanted: str, unwanted: str):
    check(query, wanted, unwanted)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("no effusion and cardiomegaly", "and_in_negative_scope"),
        ("no effusion, cardiomegaly", "ambiguous_comma"),
        ("not without effusion", "double_negation"),
        ("no findings except cardiomegaly", "exception_flip"),
        ("cervical rib without tracheal bronchus", "unknown_concept"),
        ("effusoin", "typo_corrected"),
        ("stable effusion", "ignored_words"),
        ("PE", "ambiguous_abbreviation"),
        ("effusion but no effusion", "contradiction"),
        ("show me everything", "nothing_found"),
    ],
)
def test_what_is_unsure_is_said(query: str, code: str):
    assert code in {warning.code for warning in parse(query).warnings}


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("bilateral effusions w/out cardiomegaly", "bilateral pleural effusion", "cardiomegaly/s"),
        ("effusion (left), no ptx", "left pleural effusion", "pneumothorax/s"),
        ("effusion unaccompanied by atelectasis", "pleural effusion", "atelectasis/s"),
        ("effusion ¬edema", "pleural effusion", "pulmonary edema/s"),
        ("everything but an effusion", "", "pleural effusion/s"),
        ("haemothorax w/o rib #", "hemothorax", "rib fracture/s"),
        ("edema never seen", "", "pulmonary edema/m"),
        ("dont show effusion", "", "pleural effusion/m"),
        ("nodules but nothing calcified", "lung nodule", "calcification/s"),
        ("findings: no effusion", "", "pleural effusion/s"),
        ("lungs clear of consolidation", "", "consolidation/s"),
        ("no effusion or visible pneumothorax", "", "pleural effusion/s; pneumothorax/s"),
    ],
)
def test_loose_ways_to_say_it(query: str, wanted: str, unwanted: str):
    check(query, wanted, unwanted)


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("absence of bullae in COPD", "COPD", "bulla/s"),
        ("query aspiration in someone intubated, no effusion", "endotracheal tube", "pleural effusion/s"),
        ("edema and effusion is absent", "pulmonary edema", "pleural effusion/s"),
        ("edema and effusion are absent", "", "pulmonary edema/s; pleural effusion/s"),
        ("apart from scoliosis, it is a normal study", "scoliosis; normal chest x-ray", "abnormality/w"),
        ("exclusion criteria: edema, mass", "", "pulmonary edema/s; lung mass/s"),
        ("lungs well expanded and clear", "well expanded lungs; clear lungs",
         "atelectasis/w; low lung volumes/w; lung opacity/w"),
        ("heart is not normal", "", "normal heart size/m"),
        ("raised right hemidiaphragm", "right elevated hemidiaphragm", ""),
        ("pleural plaques, calcified", "calcified pleural plaque", ""),
        ("upper lobe bullae, but none in the lower lobes", "upper lobe bulla", "lower lobe bulla/s"),
        ("the volume loss is on the left; there is none on the right", "left volume loss",
         "right volume loss/s"),
    ],
)  # fmt: skip
def test_turns_of_phrase(query: str, wanted: str, unwanted: str):
    found = read(query)
    assert found[:2] == tuple(
        [word.strip() for word in part.split(";") if word.strip()] for part in (wanted, unwanted)
    )


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("cardiomegaly noeffusion", "cardiomegaly", "pleural effusion/s"),
        ("chesttube nopneumothorax", "chest tube", "pneumothorax/s"),
        ("emphysema wiht no bulae", "emphysema", "bulla/s"),
        ("cardio megaly with out pneumo thorax", "cardiomegaly", "pneumothorax/s"),
        ("pneumonia wtihout cavity", "pneumonia", "cavitation/s"),
        ("my nan has fluid on the lungs but no big heart", "pleural effusion", "cardiomegaly/s"),
    ],
)
def test_slips_of_fingers_and_ears(query: str, wanted: str, unwanted: str):
    check(query, wanted, unwanted)


@pytest.mark.parametrize(
    "query",
    ["hey, could you dig up effusion for tomorrow's teaching?", "no rush, but effusion please",
     "a decent effusion for the registrars", "who's got an effusion I can borrow",
     "I'm not sure how to phrase this: effusion", "which folks have an effusion"],
)  # fmt: skip
def test_everyday_words_are_no_findings(query: str):
    check(query, "pleural effusion")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("mortgage with effusion", "unread_words"),
        ("emphysema wtih effusion", "doubtful_repair"),
        ("no effusion pneumothorax", "unjoined"),
        ("edema and effusion absent", "and_before_cue"),
        ("ICD without effusion", "ambiguous_abbreviation"),
    ],
)
def test_what_may_be_wrong_asks_for_review(query: str, code: str):
    found = parse(query)
    assert code in {warning.code for warning in found.warnings}
    assert found.needs_review
