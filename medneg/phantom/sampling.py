"""Draw who is examined, how, and with which findings: from a seed to the exact truth of every picture.

Each patient has their own random streams, ``default_rng([seed, patient, stream])``, so a patient's
studies do not depend on how many are drawn, nor one finding's shape on whether another is there.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator

from medneg.phantom.company import (
    ANYONE,
    OLDEST,
    PREVALENCE,
    SCENARIOS,
    YOUNGEST,
    Scenario,
    probability,
)
from medneg.phantom.course import Interval, appear, new_since, persist, still_there
from medneg.phantom.identity import digest, identifier
from medneg.phantom.truth import FINDINGS, FindingTruth, Person, Picture, Technique, View

Company = Literal["independent", "clinical"]

VISITS = {1: 0.8, 2: 0.12, 3: 0.05, 4: 0.03}
"""Share of patients by the number of their studies."""

PA_ODDS, AP_ODDS, LATERAL_ODDS = 0.55, 0.33, 0.12
"""Share of images by view."""

_FIRST_DAY = datetime.date(2016, 1, 1)
_DAYS = 7 * 365

# Streams of one patient; a finding's own stream follows from its number in FINDINGS.
_WHO, _COURSE, _VISIT, _FINDING = 0, 1, 2, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One visit of one patient: the views taken and what was there.

    Attributes:
        patient: invented PatientID.
        study: StudyInstanceUID, under the root 2.25.
        date: ISO date.
        accession: invented accession number.
        born: invented date of birth, ISO.
        person: who; ``person.seed`` is the same in all studies of the patient, ``person.age`` may grow.
        pictures: frontal first; all show the same findings.
        indication: why the patient was sent, as the referring physician writes it.
    """

    patient: str
    study: str
    date: str
    accession: str
    born: str
    person: Person
    pictures: tuple[Picture, ...]
    indication: str

    @property
    def findings(self) -> tuple[FindingTruth, ...]:
        """Everything that is there."""
        return self.pictures[0].findings

    def find(self, finding: str) -> FindingTruth | None:
        """The truth of one finding, or None when it is not there."""
        return self.pictures[0].find(finding)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patient:
    """Who one patient is and what may be found; ``bedside`` is None where the view is drawn on its own."""

    seed: int
    number: int
    scenario: Scenario
    person: Person
    chances: Mapping[str, float]
    bedside: float | None


def sample_studies(
    seed: int,
    studies: int,
    *,
    company: Company = "clinical",
    views: Sequence[View] = ("PA", "AP", "LATERAL"),
    rows: int = 512,
) -> Iterator[Study]:
    """Draw studies, patient by patient, each patient's in the order of their dates.

    Args:
        seed: everything follows from it.
        studies: how many to draw, at least 0; the last patient's course may be cut short.
        company: "clinical" draws patients of several kinds (intensive care, heart failure, trauma, …);
            "independent" draws every finding on its own. Either way each is there in 15 to 20 % of studies.
        views: the projections that may be taken, at least one of them frontal.
        rows: height of the pictures in pixels; their widths vary.

    Raises:
        ValueError: if an argument is outside what it may be.
    """
    _check(seed, company)
    if studies < 0:
        raise ValueError(f"studies must be at least 0; got {studies}")
    if not set(views) <= set(get_args(View)) or not set(views) & {"PA", "AP"}:
        raise ValueError(f"views must be among {', '.join(get_args(View))}, one of them frontal; got {views}")
    patients = (_patient(seed, number, company) for number in count())
    everyone = (study for patient in patients for study in _course(patient, views, rows))
    return islice(everyone, studies)


def sample_picture(
    seed: int,
    index: int,
    *,
    rows: int,
    columns: int,
    company: Company = "independent",
    view: View | None = None,
) -> Picture:
    """Draw picture ``index`` of a gallery in which every picture is another patient's.

    Args:
        view: None draws PA, AP or LATERAL as often as they are taken.

    Example:
        >>> sample_picture(7, 3, rows=64, columns=64) == sample_picture(7, 3, rows=64, columns=64)
        True
    """
    _check(seed, company)
    patient = _patient(seed, index, company)
    findings = _first_findings(patient)
    rng = np.random.default_rng([seed, index, _VISIT])
    drawn: View = "AP" if _at_bedside(patient, findings, rng, AP_ODDS) else "PA"
    if rng.random() < LATERAL_ODDS / (LATERAL_ODDS + PA_ODDS) and drawn == "PA":
        drawn = "LATERAL"
    technique = _technique(view or drawn, rng, shape=(rows, columns))
    return Picture(person=patient.person, technique=technique, findings=findings)


def _check(seed: int, company: str) -> None:
    if seed < 0:
        raise ValueError(f"seed must be at least 0; got {seed}")
    if company not in get_args(Company):
        raise ValueError(f"company must be one of {', '.join(get_args(Company))}; got {company!r}")


def _patient(seed: int, number: int, company: Company) -> _Patient:
    rng = np.random.default_rng([seed, number, _WHO])
    scenario = _scenario(rng) if company == "clinical" else ANYONE
    age = YOUNGEST + round(float(rng.beta(*scenario.age)) * (OLDEST - YOUNGEST))
    person = Person(
        seed=int(rng.integers(2**31)),
        sex="F" if rng.random() < 0.49 else "M",
        age=age,
        habitus=float(np.clip(rng.normal(0.05, 0.42), -1, 1)),
    )
    chances = {
        finding: probability(scenario, finding, age) if company == "clinical" else PREVALENCE
        for finding in FINDINGS
    }
    bedside = scenario.bedside if company == "clinical" else None
    return _Patient(
        seed=seed, number=number, scenario=scenario, person=person, chances=chances, bedside=bedside
    )


def _scenario(rng: Generator) -> Scenario:
    scenarios = (*SCENARIOS.values(), ANYONE)
    return scenarios[int(rng.choice(len(scenarios), p=[scenario.share for scenario in scenarios]))]


def _course(patient: _Patient, views: Sequence[View], rows: int) -> Iterator[Study]:
    """All studies of one patient, by date."""
    rng = np.random.default_rng([patient.seed, patient.number, _COURSE])
    day = _FIRST_DAY + datetime.timedelta(days=int(rng.integers(_DAYS)))
    born = day - datetime.timedelta(days=round(patient.person.age * 365.25) + int(rng.integers(1, 365)))
    findings = _first_findings(patient)
    for visit in range(int(rng.choice(list(VISITS), p=list(VISITS.values())))):
        once = np.random.default_rng([patient.seed, patient.number, _VISIT, visit])
        if visit:
            interval = _interval(patient, once)
            day += datetime.timedelta(days=interval.days)
            findings = _later_findings(patient, findings, interval, visit)
        person = replace(patient.person, age=_full_years(born, day))
        yield Study(
            patient=f"MN{patient.seed:04d}{patient.number:06d}",
            study=identifier(patient.seed, patient.number, visit),
            date=day.isoformat(),
            accession=f"A{digest(patient.seed, patient.number, visit, 'accession')[:10].upper()}",
            born=born.isoformat(),
            person=person,
            pictures=tuple(
                Picture(person=person, technique=technique, findings=findings)
                for technique in _techniques(patient, findings, views, rows, once)
            ),
            indication=str(once.choice(patient.scenario.indications)),
        )


def _full_years(born: datetime.date, day: datetime.date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _first_findings(patient: _Patient) -> tuple[FindingTruth, ...]:
    drawn = (_first_finding(patient, finding) for finding in FINDINGS)
    return tuple(truth for truth in drawn if truth is not None)


def _first_finding(patient: _Patient, finding: str) -> FindingTruth | None:
    rng = _finding_stream(patient, finding, visit=0)
    there = rng.random() < patient.chances[finding]
    return appear(finding, rng, bilateral=patient.scenario.bilateral) if there else None


def _later_findings(
    patient: _Patient, before: tuple[FindingTruth, ...], interval: Interval, visit: int
) -> tuple[FindingTruth, ...]:
    known = {truth.finding: truth for truth in before}
    now = []
    for finding in FINDINGS:
        rng = _finding_stream(patient, finding, visit=visit)
        chance, draw = patient.chances[finding], rng.random()
        if finding in known:
            if draw < still_there(finding, chance, interval):
                now.append(persist(known[finding], rng))
        elif draw < new_since(finding, chance, interval):
            now.append(appear(finding, rng, bilateral=patient.scenario.bilateral))
    return tuple(now)


def _finding_stream(patient: _Patient, finding: str, *, visit: int) -> Generator:
    return np.random.default_rng([patient.seed, patient.number, _FINDING + FINDINGS.index(finding), visit])


def _interval(patient: _Patient, rng: Generator) -> Interval:
    """Days in hospital, months outside."""
    bedside = patient.scenario.bedside
    days = rng.integers(1, 6) if rng.random() < bedside else rng.lognormal(4.9, 0.9)
    return Interval(days=max(1, min(int(days), 1500)))


def _at_bedside(
    patient: _Patient, findings: tuple[FindingTruth, ...], rng: Generator, otherwise: float
) -> bool:
    """Whether the frontal view is AP: with a tube always; by chance ``otherwise`` where no scenario says."""
    draw = rng.random()
    if patient.bedside is None:
        return bool(draw < otherwise)
    intubated = any(truth.finding == "endotracheal_tube" for truth in findings)
    return bool(intubated or draw < patient.bedside)


def _techniques(
    patient: _Patient, findings: tuple[FindingTruth, ...], views: Sequence[View], rows: int, rng: Generator
) -> Iterator[Technique]:
    bedside = _at_bedside(patient, findings, rng, AP_ODDS / (AP_ODDS + PA_ODDS))
    frontal: View = "AP" if "PA" not in views or (bedside and "AP" in views) else "PA"
    yield _technique(frontal, rng, shape=_shape(rows, rng))
    if rng.random() < LATERAL_ODDS / PA_ODDS and frontal == "PA" and "LATERAL" in views:
        yield _technique("LATERAL", rng, shape=_shape(rows, rng))


def _shape(rows: int, rng: Generator) -> tuple[int, int]:
    """Portrait, landscape and nearly square plates, as often as in a hospital."""
    aspect = rng.choice([0.82, 1.0, 1.02, 1.22], p=[0.4, 0.25, 0.15, 0.2])
    return rows, round(rows * float(aspect))


def _technique(view: View, rng: Generator, *, shape: tuple[int, int]) -> Technique:
    """Bedside pictures are more rotated, less inspired, less evenly exposed."""
    spread = 2.0 if view == "AP" else 1.0
    depth = rng.beta(5, 3.5) if view == "AP" else rng.beta(9, 2)
    blocked = rng.uniform(0.05, 0.15) if rng.random() < 0.15 else rng.uniform(0, 0.05)
    return Technique(
        seed=int(rng.integers(2**31)),
        view=view,
        rotation=float(np.clip(rng.normal(0, 2 * spread), -12, 12)),
        inspiration=float(depth),
        exposure=float(np.clip(rng.lognormal(0, 0.15 * spread), 0.4, 2.5)),
        collimation=float(blocked),
        rows=shape[0],
        columns=shape[1],
    )
