"""Which findings keep which company: clinical scenarios whose mixture shows every finding equally often.

A clinical study belongs to one scenario. A scenario names how likely each finding is; findings it leaves
out, and patients of no scenario ("anyone"), get the base rate that brings the whole mixture to the wanted
prevalence. Within a scenario the findings are independent, so nothing but the scenario binds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from medneg.phantom.truth import FINDINGS

PREVALENCE = 0.175
"""Share of studies that show any one finding."""

ONLY_SUPINE = ("endotracheal_tube", "central_venous_catheter")
"""Rare among studies with a lateral picture; raised by 0.01 so that the share of *images* stays in range."""

YOUNGEST, OLDEST = 18, 95


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of patient.

    Attributes:
        share: of all patients.
        age: parameters (a, b) of a Beta distribution over ``YOUNGEST`` to ``OLDEST`` years.
        bedside: share of studies exposed AP at the bedside.
        bilateral: share of pleural effusions on both sides.
        findings: probability of each finding that is usual, or unusual, here.
        indications: why such a patient is sent.
    """

    share: float
    age: tuple[float, float]
    bedside: float
    bilateral: float
    findings: Mapping[str, float]
    indications: tuple[str, ...]


SCENARIOS: Mapping[str, Scenario] = {
    "intensive care": Scenario(
        share=0.15,
        age=(3.0, 2.0),
        bedside=0.97,
        bilateral=0.35,
        findings={
            "endotracheal_tube": 0.82,
            "central_venous_catheter": 0.70,
            "pleural_effusion": 0.33,
            "atelectasis": 0.38,
            "consolidation": 0.27,
            "pulmonary_edema": 0.24,
            "pneumothorax": 0.15,
            "cardiomegaly": 0.18,
            "lung_nodule": 0.10,
            "lung_mass": 0.05,
            "calcified_granuloma": 0.10,
            "rib_fracture": 0.10,
            "pacemaker": 0.12,
        },
        indications=(
            "Respiratory failure, on the ventilator.",
            "Daily radiograph in intensive care.",
            "Check position of tubes and lines.",
            "Septic shock.",
            "After cardiac surgery.",
            "Hypoxia overnight.",
        ),
    ),
    "heart failure": Scenario(
        share=0.10,
        age=(4.5, 1.6),
        bedside=0.40,
        bilateral=0.65,
        findings={
            "cardiomegaly": 0.75,
            "pulmonary_edema": 0.65,
            "pleural_effusion": 0.50,
            "pacemaker": 0.25,
            "atelectasis": 0.20,
            "central_venous_catheter": 0.08,
            "endotracheal_tube": 0.05,
            "consolidation": 0.06,
            "pneumothorax": 0.05,
            "lung_nodule": 0.10,
            "lung_mass": 0.05,
            "calcified_granuloma": 0.10,
            "rib_fracture": 0.08,
        },
        indications=(
            "Shortness of breath and swollen legs.",
            "Orthopnea.",
            "Known heart failure, worse since two days.",
            "Dyspnea on exertion.",
            "Weight gain and cough at night.",
        ),
    ),
    "trauma": Scenario(
        share=0.08,
        age=(2.0, 2.6),
        bedside=0.65,
        bilateral=0.15,
        findings={
            "rib_fracture": 0.80,
            "pneumothorax": 0.60,
            "endotracheal_tube": 0.22,
            "central_venous_catheter": 0.15,
            "consolidation": 0.15,
            "atelectasis": 0.20,
            "pleural_effusion": 0.12,
            "cardiomegaly": 0.05,
            "pulmonary_edema": 0.05,
            "lung_nodule": 0.08,
            "lung_mass": 0.04,
            "calcified_granuloma": 0.08,
            "pacemaker": 0.05,
        },
        indications=(
            "Fell from a ladder.",
            "Road traffic accident.",
            "Chest wall pain after a fall.",
            "Kicked by a horse.",
            "Blunt chest trauma.",
        ),
    ),
    "pacemaker follow-up": Scenario(
        share=0.08,
        age=(6.0, 1.6),
        bedside=0.15,
        bilateral=0.30,
        findings={
            "pacemaker": 0.95,
            "cardiomegaly": 0.35,
            "pleural_effusion": 0.08,
            "pulmonary_edema": 0.12,
            "pneumothorax": 0.10,
            "atelectasis": 0.08,
            "consolidation": 0.06,
            "endotracheal_tube": 0.01,
            "central_venous_catheter": 0.04,
            "lung_mass": 0.04,
            "rib_fracture": 0.10,
        },
        indications=(
            "After change of the pacemaker generator.",
            "Syncope, pacemaker in place.",
            "Check of the leads.",
            "Routine follow-up of an implanted device.",
        ),
    ),
    "old infection": Scenario(
        share=0.08,
        age=(4.0, 2.4),
        bedside=0.08,
        bilateral=0.15,
        findings={
            "calcified_granuloma": 0.85,
            "lung_nodule": 0.35,
            "atelectasis": 0.10,
            "pleural_effusion": 0.05,
            "cardiomegaly": 0.08,
            "consolidation": 0.06,
            "pulmonary_edema": 0.03,
            "pneumothorax": 0.06,
            "lung_mass": 0.06,
            "rib_fracture": 0.08,
            "pacemaker": 0.06,
            "endotracheal_tube": 0.01,
            "central_venous_catheter": 0.03,
        },
        indications=(
            "Positive skin test for tuberculosis.",
            "Treated for tuberculosis as a child.",
            "Lived in an area with histoplasmosis.",
            "Screening before immune suppression.",
            "Positive interferon test.",
        ),
    ),
    "malignancy": Scenario(
        share=0.08,
        age=(4.5, 2.0),
        bedside=0.15,
        bilateral=0.15,
        findings={
            "lung_mass": 0.80,
            "lung_nodule": 0.48,
            "pleural_effusion": 0.25,
            "atelectasis": 0.28,
            "central_venous_catheter": 0.25,
            "consolidation": 0.12,
            "pneumothorax": 0.12,
            "rib_fracture": 0.14,
            "cardiomegaly": 0.08,
            "pulmonary_edema": 0.04,
            "pacemaker": 0.07,
            "endotracheal_tube": 0.02,
        },
        indications=(
            "Weight loss and cough, long-term smoker.",
            "Blood in the sputum.",
            "Known lung cancer, on treatment.",
            "After biopsy of the lung.",
            "Hoarseness, smoker.",
        ),
    ),
    "pneumonia": Scenario(
        share=0.07,
        age=(2.4, 1.8),
        bedside=0.30,
        bilateral=0.15,
        findings={
            "consolidation": 0.85,
            "pleural_effusion": 0.20,
            "atelectasis": 0.20,
            "endotracheal_tube": 0.08,
            "central_venous_catheter": 0.08,
            "cardiomegaly": 0.08,
            "pulmonary_edema": 0.05,
            "pneumothorax": 0.04,
            "lung_mass": 0.05,
            "rib_fracture": 0.06,
            "pacemaker": 0.08,
        },
        indications=(
            "Fever and productive cough.",
            "Cough for a week, raised white cell count.",
            "Suspected pneumonia.",
            "Fever and confusion.",
        ),
    ),
}

ANYONE = Scenario(
    share=1 - sum(scenario.share for scenario in SCENARIOS.values()),
    age=(1.9, 1.9),
    bedside=0.20,
    bilateral=0.25,
    findings={},
    indications=(
        "Chest pain.",
        "Shortness of breath.",
        "Cough.",
        "Before surgery.",
        "Dizziness.",
        "Routine examination.",
        "Palpitations.",
        "Abdominal pain.",
        "New employee.",
    ),
)
"""Patients of no scenario: whatever they show, they show by chance."""


def target(finding: str) -> float:
    """The share of studies that shows ``finding``, in either company."""
    return PREVALENCE + 0.01 * (finding in ONLY_SUPINE)


def probability(scenario: Scenario, finding: str, age: int) -> float:
    """How likely a patient of this age and scenario shows ``finding``.

    Aortic calcification follows age alone, in every scenario: its probability grows with the square of
    the years since ``YOUNGEST``.

    Example:
        >>> round(probability(SCENARIOS["trauma"], "rib_fracture", 40), 2)
        0.8
        >>> probability(ANYONE, "aortic_calcification", 90) > probability(ANYONE, "aortic_calcification", 40)
        True
    """
    if finding == "aortic_calcification":
        return target(finding) * _years(age) ** 2 / _mean_square_of_years()
    return scenario.findings.get(finding, _base_rates()[finding])


def _everyone() -> tuple[Scenario, ...]:
    return (*SCENARIOS.values(), ANYONE)


def _years(age: int) -> float:
    return (age - YOUNGEST) / (OLDEST - YOUNGEST)


@lru_cache(maxsize=1)
def _mean_square_of_years() -> float:
    # E[X²] = a (a + 1) / ((a + b)(a + b + 1)) for X ~ Beta(a, b), averaged over the scenarios.
    return sum(s.share * _second_moment(*s.age) for s in _everyone())


def _second_moment(a: float, b: float) -> float:
    return a * (a + 1) / ((a + b) * (a + b + 1))


@lru_cache(maxsize=1)
def _base_rates() -> Mapping[str, float]:
    return {finding: _base_rate(finding) for finding in FINDINGS}


def _base_rate(finding: str) -> float:
    """What is left of the target for the scenarios that do not name ``finding``, spread evenly."""
    named = [s for s in _everyone() if finding in s.findings]
    left = target(finding) - sum(s.share * s.findings[finding] for s in named)
    return left / (1 - sum(s.share for s in named))
