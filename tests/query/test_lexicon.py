"""The lexicon is data; these tests are its schema."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from medneg.errors import UnknownName
from medneg.phantom.truth import FINDINGS
from medneg.query import Lexicon, lexicon, parse
from medneg.query.cues import vocabulary
from medneg.query.lexicon import Finding, key

LABELS = {
    "chexpert": {
        "No Finding",
        "Enlarged Cardiomediastinum",
        "Cardiomegaly",
        "Lung Lesion",
        "Lung Opacity",
        "Edema",
        "Consolidation",
        "Pneumonia",
        "Atelectasis",
        "Pneumothorax",
        "Pleural Effusion",
        "Pleural Other",
        "Fracture",
        "Support Devices",
    },
    "nih": {
        "Atelectasis",
        "Cardiomegaly",
        "Effusion",
        "Infiltration",
        "Mass",
        "Nodule",
        "Pneumonia",
        "Pneumothorax",
        "Consolidation",
        "Edema",
        "Emphysema",
        "Fibrosis",
        "Pleural_Thickening",
        "Hernia",
        "No Finding",
    },
    "vindr": {
        "Aortic enlargement",
        "Atelectasis",
        "Calcification",
        "Cardiomegaly",
        "Clavicle fracture",
        "Consolidation",
        "Edema",
        "Emphysema",
        "Enlarged PA",
        "ILD",
        "Infiltration",
        "Lung Opacity",
        "Lung cavity",
        "Lung cyst",
        "Mediastinal shift",
        "Nodule/Mass",
        "Pleural effusion",
        "Pleural thickening",
        "Pneumothorax",
        "Pulmonary fibrosis",
        "Rib fracture",
        "COPD",
        "Lung tumor",
        "Pneumonia",
        "Tuberculosis",
        "No finding",
    },
}
PADCHEST = Path(__file__).with_name("padchest_labels.txt").read_text(encoding="utf-8").splitlines()


def words_of(finding: Finding) -> tuple[str, ...]:
    return (finding.name, *finding.synonyms, *finding.kinds, *finding.absent_synonyms)


def test_it_holds_every_finding_that_a_phantom_can_show():
    assert [finding for finding in FINDINGS if finding not in lexicon()] == []


def test_it_has_the_breadth_that_is_promised():
    assert len(lexicon().findings) >= 130
    assert sum(len(finding.synonyms) for finding in lexicon().findings) >= 450


def test_ids_are_unique_and_snake_case():
    ids = [finding.id for finding in lexicon().findings]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not name.replace("_", "").isalnum() or name != name.lower()] == []


def test_no_word_stands_for_two_findings():
    owner: dict[tuple[str, ...], str] = {}
    clashes = []
    for finding in lexicon().findings:
        for stems in {key(words) for words in words_of(finding)}:
            if owner.setdefault(stems, finding.id) != finding.id:
                clashes.append((" ".join(stems), owner[stems], finding.id))
    assert clashes == []


def test_no_synonym_is_written_twice():
    for finding in lexicon().findings:
        keys = [key(words) for words in words_of(finding)]
        assert len(set(keys)) == len(keys), finding.id


def test_every_parent_and_every_implication_exists():
    for finding in lexicon().findings:
        for other in (*finding.parents, *finding.implies_absent):
            assert other in lexicon(), (finding.id, other)


def test_nothing_is_its_own_ancestor():
    for finding in lexicon().findings:
        assert finding.id not in lexicon().ancestors(finding.id)


def test_no_phantom_finding_is_a_kind_of_another():
    for finding in FINDINGS:
        assert not set(FINDINGS) & set(lexicon().descendants(finding))


@pytest.mark.parametrize("dataset", sorted(LABELS))
def test_labels_are_spelled_as_the_data_set_spells_them(dataset: str):
    used = {finding.labels[dataset] for finding in lexicon().findings if dataset in finding.labels}
    assert used == LABELS[dataset]


def test_every_padchest_label_is_one_of_padchest_s():
    used = {finding.labels["padchest"] for finding in lexicon().findings if "padchest" in finding.labels}
    assert used - set(PADCHEST) == set()
    assert len(used) >= 100


def test_only_statements_of_normality_deny_something():
    assert {finding.kind for finding in lexicon().findings if finding.implies_absent} == {"normal"}


def test_children_include_grandchildren():
    assert {"calcified_granuloma", "aortic_calcification", "vascular_calcification"} <= set(
        lexicon().descendants("calcification")
    )
    assert {"picc_line", "endotracheal_tube", "pacemaker"} <= set(lexicon().descendants("support_device"))
    assert {"consolidation", "atelectasis", "pulmonary_edema", "lung_nodule", "lung_mass"} <= set(
        lexicon().descendants("lung_opacity")
    )
    assert {"rib_fracture", "clavicle_fracture"} <= set(lexicon().descendants("fracture"))


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        ("effusion", "pleural_effusion"),
        ("Pleural Effusions", "pleural_effusion"),
        ("pleural_effusion", "pleural_effusion"),
        ("CVC", "central_venous_catheter"),
        ("central line", "central_venous_catheter"),
        ("pulmonary oedema", "pulmonary_edema"),
        ("calcification of the aorta", "aortic_calcification"),
        ("calcification", "calcification"),
        ("unicorn", None),
    ],
)
def test_any_of_its_words_resolves(words: str, finding: str | None):
    assert lexicon().resolve(words) == finding


def test_an_unknown_id_is_refused_by_name():
    with pytest.raises(UnknownName, match="unknown finding 'unicorn'"):
        lexicon().finding("unicorn")


def test_it_is_read_once():
    assert lexicon() is lexicon()


def test_a_finding_refuses_fields_that_it_does_not_have():
    row = json.loads(files("medneg.assets").joinpath("findings.json").read_text("utf-8"))["findings"][0]
    with pytest.raises(TypeError, match="colour"):
        Finding(**row, colour="red")


def test_cousins_that_meet_are_listed_once():
    grandchild = [
        Finding(id="top", name="top", kind="finding", prompt="top"),
        Finding(id="left", name="left", kind="finding", prompt="left", parents=("top",)),
        Finding(id="right", name="right", kind="finding", prompt="right", parents=("top",)),
        Finding(id="both", name="both", kind="finding", prompt="both", parents=("left", "right")),
    ]
    assert Lexicon(grandchild).descendants("top") == ("left", "right", "both")


def test_ambiguous_short_forms_name_lexicon_ids_or_nothing():
    for finding, readings in vocabulary().ambiguous.values():
        assert finding is None or finding in lexicon()
        assert len(readings) >= 2


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("pneumothorax", ["pneumothorax"]),
        ("pneumot", ["pneumothorax"]),
        ("PTX", ["pneumothorax"]),
        ("cardomegaly", ["cardiomegaly"]),
        ("  Effus", ["pleural effusion"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_what_is_typed_is_completed(typed: str, names: list[str]):
    assert [finding.name for finding in lexicon().complete(typed, limit=1)] == names


def test_a_completion_names_each_finding_once_and_keeps_to_the_limit():
    found = lexicon().complete("ca", limit=5)
    assert len(found) == len({finding.id for finding in found}) == 5


def test_kinds_keep_their_words():
    (mention,) = parse("no traction bronchiectasis").negated
    assert (mention.finding, mention.text) == ("bronchiectasis", "traction bronchiectasis")
    assert lexicon().resolve("Traction bronchiectasis") == "bronchiectasis"


def test_rare_findings_keep_the_query_s_words():
    (mention,) = parse("goitre").affirmed
    assert (mention.finding, mention.text) == ("goiter", "goitre")
