"""The negation methods by name: one dict, filled by one decorator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from medneg.errors import CalibrationMissing, QueryError, UnknownName
from medneg.scoring.calibration import Calibration, SpaceName
from medneg.scoring.mixtures import linear_terms
from medneg.scoring.reading import Expand, Need, Reading, TextTower, read
from medneg.values import Mention, Plan, Query, Space, Term

Compose = Callable[[Reading], tuple[Term, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to make a plan of a query with negation.

    Attributes:
        name: how it is asked for.
        source: the paper and equation, or the tool, that it comes from.
        needs: the phrases that it looks at.
        compose: makes the plan's terms of them.
        needs_covariance: whether it wants to know how scores spread over the archive.
        needs_curves: whether it wants to know what scores mean as probabilities.
    """

    name: str
    source: str
    needs: tuple[Need, ...]
    compose: Compose
    needs_covariance: bool = False
    needs_curves: bool = False


METHODS: dict[str, Method] = {}
"""Every method by its name."""


def method(
    name: str,
    *,
    source: str,
    needs: Sequence[Need],
    needs_covariance: bool = False,
    needs_curves: bool = False,
) -> Callable[[Compose], Compose]:
    """Register a method; its name must be new. See ``Method`` for the arguments."""

    def register(compose: Compose) -> Compose:
        if name in METHODS:
            raise ValueError(f"there is a method {name!r} already")
        METHODS[name] = Method(
            name=name,
            source=source,
            needs=tuple(needs),
            compose=compose,
            needs_covariance=needs_covariance,
            needs_curves=needs_curves,
        )
        return compose

    return register


def own_words(mention: Mention) -> tuple[str, ...]:
    """The expansion that includes nothing: a mention stands for its own words."""
    return (mention.text,)


def compile_plan(
    query: Query,
    method: str,
    *,
    tower: TextTower,
    calibration: Calibration | None = None,
    space: SpaceName = "raw",
    expand: Expand = own_words,
) -> Plan:
    """Compile a query to a plan.

    A query without negation becomes plain cosine with its raw words in the raw space, whatever the method
    and the calibration are.

    Args:
        query: what was asked; only mentions and raw words count.
        method: a name in ``METHODS``.
        tower: the text tower that belongs to the image embeddings.
        calibration: what is known of the tower on the archive; None if nothing is.
        space: "centred" on the calibration's means, or "raw".
        expand: the phrases that a mention stands for, its own words first.

    Returns:
        The plan, with warnings in plain words.

    Raises:
        UnknownName: if there is no such method or space.
        QueryError: if the query is empty.
        CalibrationMissing: if the method or the space needs more than the calibration says.
    """
    chosen = METHODS.get(method)
    if chosen is None:
        raise UnknownName("method", method, known=METHODS)
    if space not in get_args(SpaceName):
        raise UnknownName("space", space, known=get_args(SpaceName))
    fingerprint = tower.card.image_fingerprint
    if not query.negated:
        if not query.raw.strip():
            raise QueryError("the query is empty; type what an image should show, or should not")
        reading = read(query, ("sentence",), tower=tower, centre=None, expand=expand)
        return Plan(terms=linear_terms(reading.sentence), space=Space(image_fingerprint=fingerprint))
    _require(chosen, calibration, space, tower.card.name)
    centre = calibration if space == "centred" else None
    reading = read(query, chosen.needs, tower=tower, centre=centre, expand=expand)
    return Plan(
        terms=chosen.compose(reading),
        space=Space(image_fingerprint=fingerprint, mean=centre and centre.mean_image),
        warnings=reading.warnings,
    )


def _require(chosen: Method, calibration: Calibration | None, space: SpaceName, encoder: str) -> None:
    """Refuse what needs more than is known.

    Raises:
        CalibrationMissing: naming the first thing that is missing.
    """
    if space == "centred" and calibration is None:
        raise CalibrationMissing("the centred space needs the mean text and the mean image", encoder)
    of_space = f"in the {space} space"
    if chosen.needs_covariance and (calibration is None or space not in calibration.covariance):
        what = f"the method {chosen.name} needs the spread of the archive's scores {of_space}"
        raise CalibrationMissing(what, encoder)
    if chosen.needs_curves and (calibration is None or not calibration.curves.get(space)):
        what = f"the method {chosen.name} needs the findings' probability curves {of_space}"
        raise CalibrationMissing(what, encoder)
