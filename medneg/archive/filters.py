"""Filters: what an image must be before its vector is looked at, as SQL conditions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import get_args

from sqlalchemy import ColumnElement, Select, and_, or_, select

from medneg.archive.schema import Finding, Image
from medneg.errors import FilterError
from medneg.values import SEXES, VIEWS, FindingState


def image_ids(where: Where) -> Select[int]:
    """The query for the ids of all images that a filter lets through."""
    return select(Image.id).where(*conditions(where))


def conditions(where: Where) -> list[ColumnElement[bool]]:
    """A filter as SQL conditions on ``images``, all of which must hold.

    An image that does not say (no view, no age, no date) fails a condition on it.
    """
    parts: list[ColumnElement[bool]] = []
    for column, allowed in (
        (Image.view, where.views),
        (Image.sex, where.sexes),
        (Image.modality, where.modalities),
    ):
        if allowed:
            parts.append(column.in_(allowed))
    if where.age_min is not None:
        parts.append(Image.age >= where.age_min)
    if where.age_max is not None:
        parts.append(Image.age <= where.age_max)
    if where.date_from is not None:
        parts.append(Image.study_date >= where.date_from)
    if where.date_to is not None:
        parts.append(Image.study_date <= where.date_to)
    return parts + [_finding_condition(finding) for finding in where.findings]


def _finding_condition(wanted: FindingFilter) -> ColumnElement[bool]:
    present = _recorded(wanted.ids, "present")
    uncertain = _recorded(wanted.ids, "uncertain")
    if wanted.state == "present":
        return present
    if wanted.state == "uncertain":
        return and_(uncertain, ~present)
    return and_(_recorded((*wanted.ids, *wanted.above), "absent"), ~present, ~uncertain)


def _recorded(ids: tuple[str, ...], state: FindingState) -> ColumnElement[bool]:
    """Whether any of the findings is recorded in that state, for the image or for its study."""
    named = (Finding.finding.in_(ids), Finding.state == state)
    return or_(
        Image.id.in_(select(Finding.image_id).where(*named, Finding.image_id.is_not(None))),
        Image.study_id.in_(select(Finding.study_id).where(*named, Finding.study_id.is_not(None))),
    )


def _check_choice(values: tuple[str, ...], allowed: tuple[str, ...], what: str) -> None:
    for value in values:
        if value not in allowed:
            raise FilterError(f"{what} must be one of {', '.join(allowed)}; got {value!r}")


def _check_date(value: str | None, what: str) -> None:
    if value is None:
        return
    try:
        good = date.fromisoformat(value).isoformat() == value
    except ValueError:
        good = False
    if not good:
        raise FilterError(f"{what} must be a date like 2024-01-31; got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """What must be recorded of a finding.

    Attributes:
        ids: lexicon ids that count as the finding: itself and its descendants.
        state: "present": one of them is recorded present. "uncertain": one is uncertain and none present.
            "absent": one, or something of ``above``, is recorded absent, and none present or uncertain.
        above: ids of what the finding is a kind of: "no opacity" denies a consolidation too.
    """

    ids: tuple[str, ...]
    state: FindingState
    above: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.ids:
            raise FilterError("a filter on a finding needs at least one lexicon id; got none")
        _check_choice((self.state,), get_args(FindingState), "a finding's state")


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which images may be hits. Empty fields let everything through; several fields must all hold.

    Ages are in years and dates ISO, both ends included.

    Example:
        >>> Where(views=("PA",), age_min=60).everything
        False
        >>> Where(views=("oblique",))
        Traceback (most recent call last):
        medneg.errors.FilterError: view must be one of PA, AP, LATERAL; got 'oblique'
    """

    views: tuple[str, ...] = ()
    sexes: tuple[str, ...] = ()
    age_min: float | None = None
    age_max: float | None = None
    date_from: str | None = None
    date_to: str | None = None
    modalities: tuple[str, ...] = ()
    findings: tuple[FindingFilter, ...] = ()

    def __post_init__(self) -> None:
        _check_choice(self.views, VIEWS, "view")
        _check_choice(self.sexes, SEXES, "sex")
        _check_date(self.date_from, "the first date")
        _check_date(self.date_to, "the last date")
        for what, value in (("the lowest age", self.age_min), ("the highest age", self.age_max)):
            if value is not None and not 0 <= value <= 150:
                raise FilterError(f"{what} must be in [0, 150] years; got {value!r}")

    @property
    def everything(self) -> bool:
        """Whether it lets every image through."""
        return self == Where()
