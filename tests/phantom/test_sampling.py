from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from medneg.phantom.company import ANYONE, SCENARIOS, probability
from medneg.phantom.course import FOR_GOOD, Interval, new_since, still_there
from medneg.phantom.sampling import Study, identifier, sample_picture, sample_studies
from medneg.phantom.truth import FINDINGS

N, MANY = 1200, 4000


@cache
def drawn(company: str, count: int = N) -> list[Study]:
    return list(sample_studies(3, count, company=company, rows=64))


@pytest.fixture(params=["independent", "clinical"])
def studies(request):
    return drawn(request.param)


@pytest.fixture
def clinical():
    return drawn("clinical")


def share(studies: list[Study], finding: str) -> float:
    return sum(study.find(finding) is not None for study in studies) / len(studies)


def courses(studies: list[Study]) -> list[list[Study]]:
    by_patient: dict[str, list[Study]] = {}
    for study in studies:
        by_patient.setdefault(study.patient, []).append(study)
    return [course for course in by_patient.values() if len(course) > 1]


@pytest.mark.parametrize("finding", FINDINGS)
def test_every_finding_is_about_as_common(studies, finding):
    assert share(studies, finding) == pytest.approx(0.175, abs=0.045)


@pytest.mark.slow
@pytest.mark.parametrize("finding", FINDINGS)
@pytest.mark.parametrize("company", ["independent", "clinical"])
def test_every_finding_is_in_15_to_20_percent_of_studies_and_of_images(company, finding):
    studies = drawn(company, MANY)
    pictures = [picture for study in studies for picture in study.pictures]
    shown = sum(picture.find(finding) is not None for picture in pictures) / len(pictures)
    assert 0.15 <= share(studies, finding) <= 0.20
    assert 0.148 <= shown <= 0.20


@pytest.mark.slow
@pytest.mark.parametrize("company", ["independent", "clinical"])
def test_single_pictures_have_the_same_prevalence(company):
    pictures = [sample_picture(11, i, rows=64, columns=64, company=company) for i in range(MANY)]
    for finding in FINDINGS:
        assert 0.15 <= sum(p.find(finding) is not None for p in pictures) / MANY <= 0.20, finding


def test_independent_findings_keep_no_company():
    studies = drawn("independent")
    both = sum(bool(s.find("cardiomegaly") and s.find("pulmonary_edema")) for s in studies) / N
    assert both == pytest.approx(0.175**2, abs=0.015)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cardiomegaly", "pulmonary_edema"),
        ("cardiomegaly", "pleural_effusion"),
        ("rib_fracture", "pneumothorax"),
        ("endotracheal_tube", "central_venous_catheter"),
        ("pacemaker", "cardiomegaly"),
        ("lung_mass", "lung_nodule"),
    ],
)
def test_in_clinical_company_one_finding_makes_the_other_likelier(clinical, one, other):
    with_one = [study for study in clinical if study.find(one)]
    assert share(with_one, other) > 1.25 * share(clinical, other)


def test_aortic_calcification_comes_with_age(clinical):
    old = [study for study in clinical if study.person.age >= 75]
    young = [study for study in clinical if study.person.age < 45]
    assert share(old, "aortic_calcification") > 3 * share(young, "aortic_calcification")


def test_base_rates_are_probabilities():
    for finding in FINDINGS:
        for scenario in (*SCENARIOS.values(), ANYONE):
            assert 0.005 <= probability(scenario, finding, 50) <= 0.95


def test_views_are_taken_as_often_as_wanted(studies):
    views = Counter(picture.technique.view for study in studies for picture in study.pictures)
    total = sum(views.values())
    assert views["PA"] / total == pytest.approx(0.55, abs=0.05)
    assert views["AP"] / total == pytest.approx(0.33, abs=0.05)
    assert views["LATERAL"] / total == pytest.approx(0.12, abs=0.02)


def test_in_clinical_company_the_intubated_lie(clinical):
    views = {s.pictures[0].technique.view for s in clinical if s.find("endotracheal_tube")}
    assert views == {"AP"}


def test_a_lateral_picture_follows_a_pa_picture_of_the_same_person_and_findings(studies):
    for study in studies:
        views = [picture.technique.view for picture in study.pictures]
        assert views in (["PA"], ["AP"], ["PA", "LATERAL"])
        assert {picture.person for picture in study.pictures} == {study.person}
        assert {picture.findings for picture in study.pictures} == {study.findings}


def test_views_that_are_not_wanted_are_not_taken():
    views = [s.pictures[0].technique.view for s in sample_studies(1, 30, views=("PA",), rows=64)]
    assert set(views) == {"PA"}
    assert len(views) == 30


def test_one_patient_in_five_comes_again(studies):
    patients = {study.patient for study in studies}
    assert len(courses(studies)) / len(patients) == pytest.approx(0.2, abs=0.04)


def test_a_patient_keeps_anatomy_and_grows_older(studies):
    for course in courses(studies):
        for earlier, later in pairwise(course):
            assert (earlier.person.seed, earlier.person.sex) == (later.person.seed, later.person.sex)
            assert earlier.person.age <= later.person.age
            assert earlier.date < later.date


def test_what_is_for_good_never_goes_and_what_stays_keeps_side_and_place(studies):
    for course in courses(studies):
        for earlier, later in pairwise(course):
            for truth in earlier.findings:
                again = later.find(truth.finding)
                if truth.finding in FOR_GOOD:
                    assert again == truth
                elif again is not None and again.seed == truth.seed:
                    assert (again.side, again.place) == (truth.side, truth.place)


def test_findings_appear_persist_and_resolve(studies):
    changes = Counter()
    for course in courses(studies):
        for earlier, later in pairwise(course):
            before, now = ({t.finding for t in s.findings} for s in (earlier, later))
            changes.update(new=len(now - before), same=len(now & before), gone=len(before - now))
    assert min(changes.values()) > 80


@pytest.mark.parametrize("probability", [0.01, 0.175, 0.5, 0.95])
@pytest.mark.parametrize("finding", ["pneumothorax", "cardiomegaly", "pacemaker"])
@pytest.mark.parametrize("days", [2, 300])
def test_follow_up_leaves_prevalence_as_it_is(finding, probability, days):
    interval = Interval(days=days)
    stays = still_there(finding, probability, interval)
    comes = new_since(finding, probability, interval)
    assert 0 <= comes <= 1
    assert probability * stays + (1 - probability) * comes == pytest.approx(probability)


def test_a_study_does_not_depend_on_how_many_are_drawn():
    assert list(sample_studies(9, 40))[:7] == list(sample_studies(9, 7))


def test_a_study_depends_on_the_seed():
    assert next(sample_studies(1, 1)) != next(sample_studies(2, 1))


def test_uids_are_valid_and_unique(studies):
    uids = {study.study for study in studies}
    assert len(uids) == N
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)
    assert identifier(1, 2) != identifier(12)


def test_a_finding_keeps_its_shape_whatever_else_is_there():
    alone = {}
    for company in ("independent", "clinical"):
        for index in range(300):
            for truth in sample_picture(2, index, rows=64, columns=64, company=company).findings:
                alone.setdefault((index, truth.finding), set()).add((truth.seed, truth.place, truth.size))
    assert all(len(shapes) == 1 for shapes in alone.values())


def test_a_view_may_be_asked_for():
    assert sample_picture(1, 0, rows=64, columns=48, view="LATERAL").technique.view == "LATERAL"
    assert sample_picture(1, 0, rows=64, columns=48).technique.columns == 48


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1, "studies": 1}, "seed must be at least 0; got -1"),
        ({"seed": 1, "studies": -1}, "studies must be at least 0; got -1"),
        (
            {"seed": 1, "studies": 1, "company": "good"},
            "company must be one of independent, clinical; got 'good'",
        ),
        ({"seed": 1, "studies": 1, "views": ("LATERAL",)}, "one of them frontal"),
    ],
)
def test_arguments_outside_their_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_studies(**arguments)
