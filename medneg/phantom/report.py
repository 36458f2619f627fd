"""The report of a phantom study, as a radiologist might write it; it never contradicts the truth.

About four sentences in ten of findings and impression are negations, as in real reports; a report says
nothing of some findings that are not there, and hedges on some that are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.random import Generator

from medneg.phantom import wording
from medneg.phantom.course import SIZES
from medneg.phantom.identity import stream
from medneg.phantom.sampling import Study
from medneg.phantom.truth import FINDINGS, FindingTruth

NEGATED_SHARE = (0.30, 0.48)
"""Range from which a report's share of negated sentences is drawn."""

HEDGED = 0.25
"""Share of small findings that are left open."""

COMPARED = 0.8
"""Share of findings that are compared with the study before, where there is one."""

MOST_ITEMS = 3
"""Most items of an impression."""

READING_ORDER = (
    "endotracheal_tube",
    "central_venous_catheter",
    "pacemaker",
    "cardiomegaly",
    "aortic_calcification",
    "pulmonary_edema",
    "consolidation",
    "atelectasis",
    "lung_mass",
    "lung_nodule",
    "calcified_granuloma",
    "pleural_effusion",
    "pneumothorax",
    "rib_fracture",
)

URGENCY = (
    "pneumothorax",
    "lung_mass",
    "pulmonary_edema",
    "consolidation",
    "pleural_effusion",
    "lung_nodule",
    "rib_fracture",
    "cardiomegaly",
    "atelectasis",
)
"""What an impression names, most urgent first; the rest only where there is nothing of these."""

_DENIED = {
    "pleural_effusion": 6.0,
    "pneumothorax": 6.0,
    "consolidation": 5.0,
    "pulmonary_edema": 2.5,
    "rib_fracture": 2.0,
    "lung_nodule": 1.5,
    "lung_mass": 1.5,
    "cardiomegaly": 1.5,
    "atelectasis": 1.0,
}
"""How often what is not there is denied; 0.3 for the rest."""

_TOGETHER = (
    ("pleural_effusion", "pneumothorax", "consolidation", "pulmonary_edema"),
    ("lung_nodule", "lung_mass"),
    ("endotracheal_tube", "central_venous_catheter", "pacemaker"),
    ("calcified_granuloma", "aortic_calcification"),
)
"""What one sentence denies together."""

_AMBIGUOUS = {"lung_nodule": ("lung_mass", "calcified_granuloma"), "lung_mass": ("lung_nodule",)}
"""Denials that could be read as denying another finding that is there."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """One sentence, and the finding whose turn in the reading order it takes."""

    text: str
    about: str | None


def write_report(study: Study, previous: Study | None = None) -> str:
    """Write the report of a study.

    Args:
        study: what to report.
        previous: the same patient's study before, to compare with.

    Returns:
        INDICATION, COMPARISON, FINDINGS and IMPRESSION, each a paragraph; the same for the same arguments.
    """
    rng = stream(study.study, "report")
    manners = {truth.finding: _manner(truth, previous, rng) for truth in study.findings}
    items = _impression(study, manners, rng)
    body = [
        _Statement(_sentence(truth, manners[truth.finding], rng), truth.finding) for truth in study.findings
    ]
    body += _gone(study, previous, rng)
    body += _normals(study, rng)
    others = len(body) + sum(not item.startswith("No ") for item in items)
    body += _denials(study, {statement.about for statement in body}, others, rng)
    body.sort(key=lambda statement: _turn(statement.about))
    parts = {
        "INDICATION": study.indication,
        "COMPARISON": _comparison(previous, rng),
        "FINDINGS": " ".join(statement.text for statement in body),
        "IMPRESSION": _numbered(items),
    }
    return "\n\n".join(f"{title}: {text}" for title, text in parts.items() if text)


def _manner(truth: FindingTruth, previous: Study | None, rng: Generator) -> str:
    """How to speak of a finding that is there: "present", "uncertain" or a change."""
    hedge, compare = rng.random(), rng.random()
    if previous is not None and compare < COMPARED:
        return _change(truth, previous.find(truth.finding))
    if truth.size == "small" and not wording.is_device(truth.finding) and hedge < HEDGED:
        return "uncertain"
    return "present"


def _change(now: FindingTruth, before: FindingTruth | None) -> str:
    if before is None or before.seed != now.seed:
        return "new"
    if now.size is None or before.size is None or now.size == before.size:
        return "unchanged"
    return "larger" if SIZES.index(now.size) > SIZES.index(before.size) else "smaller"


def _sentence(truth: FindingTruth, manner: str, rng: Generator) -> str:
    if manner == "present":
        return wording.present(truth, rng)
    if manner == "uncertain":
        return wording.uncertain(truth, rng) or wording.present(truth, rng)
    return wording.changed(truth, manner, rng)


def _gone(study: Study, previous: Study | None, rng: Generator) -> list[_Statement]:
    """What was there at the last study and is no more."""
    before = previous.findings if previous is not None else ()
    return [
        _Statement(
            wording.changed(truth, "removed" if wording.is_device(truth.finding) else "resolved", rng),
            truth.finding,
        )
        for truth in before
        if study.find(truth.finding) is None and rng.random() < COMPARED
    ]


def _impression(study: Study, manners: dict[str, str], rng: Generator) -> list[str]:
    """The most urgent findings, or that there is nothing urgent."""
    urgent = [truth for finding in URGENCY if (truth := study.find(finding)) is not None]
    items = [wording.impression(truth, manners[truth.finding], rng) for truth in urgent[:MOST_ITEMS]]
    if items:
        return items
    if not study.findings:
        return [wording.choose(wording.templates()["clear_impression"], rng)]
    return [wording.choose(wording.templates()["quiet_impression"], rng)]


def _normals(study: Study, rng: Generator) -> list[_Statement]:
    """Statements of normality that the findings allow, at most one about each part."""
    allowed = [n for n in wording.templates()["normal"] if _allows(n["without"], study)]
    wanted = int(rng.choice([0, 1, 2, 3], p=[0.15, 0.4, 0.35, 0.1])) + (not study.findings)
    chosen: dict[str | None, _Statement] = {}
    for index in rng.permutation(len(allowed)):
        about = allowed[index]["without"][0] if allowed[index]["without"] else None
        chosen.setdefault(about, _Statement(allowed[index]["text"], about))
    return list(chosen.values())[:wanted]


def _denials(study: Study, said: set[str | None], others: int, rng: Generator) -> list[_Statement]:
    """Enough negated sentences beside ``others`` that are none, as far as there is what to deny."""
    share = rng.uniform(*NEGATED_SHARE)
    wanted = max(1, round(others * share / (1 - share) + rng.uniform(-0.5, 0.5)))
    left = _deniable(study, said, rng)
    statements: list[_Statement] = []
    while left and len(statements) < wanted:
        first = left.pop(0)
        friends = [finding for finding in left if _together(first, finding)][: 1 + (rng.random() < 0.25)]
        if friends and len(left) > wanted - len(statements) and rng.random() < 0.6:
            left = [finding for finding in left if finding not in friends]
            statements.append(_Statement(wording.jointly_absent([first, *friends], rng), first))
        else:
            statements.append(_denial(study, first, rng))
    return statements


def _together(one: str, other: str) -> bool:
    return any(one in group and other in group for group in _TOGETHER)


def _denial(study: Study, finding: str, rng: Generator) -> _Statement:
    """One finding denied by name, or within a summary that denies it."""
    summaries = [
        summary["text"]
        for summary in wording.templates()["summary_absent"]
        if finding in summary["without"] and _allows(summary["without"], study)
    ]
    if summaries and rng.random() < 0.25:
        return _Statement(wording.choose(summaries, rng), finding)
    return _Statement(wording.absent(finding, rng), finding)


def _deniable(study: Study, said: set[str | None], rng: Generator) -> list[str]:
    """What may be denied, likeliest first: nothing that is there or that a sentence is about already."""
    absent = [finding for finding in FINDINGS if study.find(finding) is None and finding not in said]
    may = [finding for finding in absent if _allows(_AMBIGUOUS.get(finding, ()), study)]
    # Weighted order without replacement (Efraimidis & Spirakis 2006, A-Res): sort by u^(1/w).
    keys = {finding: rng.random() ** (1 / _DENIED.get(finding, 0.3)) for finding in may}
    return sorted(may, key=lambda finding: -keys[finding])


def _allows(without: Sequence[str], study: Study) -> bool:
    return all(study.find(finding) is None for finding in without)


def _turn(about: str | None) -> int:
    return READING_ORDER.index(about) if about is not None else len(READING_ORDER)


def _comparison(previous: Study | None, rng: Generator) -> str:
    if previous is None:
        return wording.choose(wording.templates()["comparison"]["none"], rng)
    return wording.choose(wording.templates()["comparison"]["prior"], rng).format(date=previous.date)


def _numbered(items: Sequence[str]) -> str:
    if len(items) == 1:
        return items[0]
    return " ".join(f"{number}. {item}" for number, item in enumerate(items, start=1))
