"""What a filter lets through, in plain Python: the slow twin of ``medneg.archive.filters``."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from medneg.archive import FindingFilter, ImageRow, Where
from medneg.values import FindingState

Recorded = Collection[tuple[str, FindingState]]
"""Every (finding, state) that is recorded of an image or of its study, from any source."""


def passes(where: Where, image: ImageRow, recorded: Recorded) -> bool:
    """Whether an image is what a filter wants it to be."""
    return (
        _one_of(image.view, where.views)
        and _one_of(image.sex, where.sexes)
        and _one_of(image.modality, where.modalities)
        and _between(image.age, where.age_min, where.age_max)
        and _between(image.study_date, where.date_from, where.date_to)
        and all(_shows(finding, recorded) for finding in where.findings)
    )


def strongest(
    states: Mapping[str, FindingState], others: Mapping[str, FindingState]
) -> dict[str, FindingState]:
    """Both together; where they disagree, present outranks uncertain and uncertain outranks absent."""
    rank = ("absent", "uncertain", "present").index
    return {
        name: max((told[name] for told in (states, others) if name in told), key=rank)
        for name in {**states, **others}
    }


def _one_of(value: str | None, allowed: tuple[str, ...]) -> bool:
    return not allowed or value in allowed


def _between(value: float | str | None, low: float | str | None, high: float | str | None) -> bool:
    if value is None:
        return low is None and high is None
    return (low is None or low <= value) and (high is None or value <= high)  # type: ignore[operator]


def _shows(wanted: FindingFilter, recorded: Recorded) -> bool:
    states = {state for name, state in recorded if name in wanted.ids}
    if wanted.state == "absent":
        denied = {state for name, state in recorded if name in (*wanted.ids, *wanted.above)}
        return "absent" in denied and not states & {"present", "uncertain"}
    if wanted.state == "uncertain":
        return "uncertain" in states and "present" not in states
    return "present" in states
