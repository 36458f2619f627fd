"""The negation methods by name: one dict, filled by one decorator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack, get_args

from medneg.errors import CalibrationMissing, HeadMissing, QueryError, UnknownName
from medneg.scoring.calibration import Calibration, SpaceName
from medneg.scoring.mixtures import linear_terms
from medneg.scoring.reading import ExclusionHead, Reading, Setting, TextTower, read
from medneg.scoring.sentences import Expand, Kind, Need
from medneg.values import Mention, Plan, Query, Space, Term

Compose = Callable[[Reading], tuple[Term, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to make a plan of a query with negation.

    Attributes:
        name: how it is asked for.
        source: the paper and equation, or the tool, that it comes from.
        summary: one line for people on what it does and what it costs.
        needs: the phrases that it looks at.
        compose: makes the plan's terms of them.
        templates: sentences that it averages phrases over, beside the tower's own.
        needs_normals: whether it compares phrases with their normal counterparts.
        needs_covariance: whether it wants to know how scores spread over the archive.
        needs_curves: whether it wants to know what scores mean as probabilities.
        refines: whether it weighs repaired words against those that were typed.
        needs_head: whether it works in the codes of a head.
    """

    name: str
    source: str
    summary: str
    needs: tuple[Need, ...]
    compose: Compose
    templates: tuple[str, ...] = ()
    needs_normals: bool = False
    needs_covariance: bool = False
    needs_curves: bool = False
    refines: bool = False
    needs_head: bool = False


class Wants(TypedDict, total=False):
    """What a method may ask for beside phrases, as in ``Method``."""

    templates: tuple[str, ...]
    needs_normals: bool
    needs_covariance: bool
    needs_curves: bool
    refines: bool
    needs_head: bool


METHODS: dict[str, Method] = {}
"""Every method by its name."""


def method(
    name: str, *, source: str, summary: str, needs: Sequence[Need], **wants: Unpack[Wants]
) -> Callable[[Compose], Compose]:
    """Register a method; its name must be new. See ``Method`` for the arguments."""

    def register(compose: Compose) -> Compose:
        if name in METHODS:
            raise ValueError(f"there is a method {name!r} already")
        METHODS[name] = Method(
            name=name, source=source, summary=summary, needs=tuple(needs), compose=compose, **wants
        )
        return compose

    return register


def own_words(mention: Mention) -> tuple[Kind, ...]:
    """The expansion that includes nothing: a mention stands for its own words."""
    return (Kind(text=mention.text, finding=mention.finding),)


def compile_plan(
    query: Query,
    method: str,
    *,
    tower: TextTower,
    calibration: Calibration | None = None,
    space: SpaceName = "raw",
    expand: Expand = own_words,
    head: ExclusionHead | None = None,
) -> Plan:
    """Compile a query to a plan.

    A query without negation becomes plain cosine with its raw words in the raw space, whatever the method
    and the calibration are; a method that refines puts the repaired words beside them.

    Args:
        query: what was asked; only mentions, raw words and, for a method that refines, repairs count.
        method: a name in ``METHODS``.
        tower: the text tower that belongs to the image embeddings.
        calibration: what is known of the tower on the archive; None if nothing is.
        space: "centred" on the calibration's means, or "raw".
        expand: what a mention stands for, itself first.
        head: stands behind the tower's image tower, for methods that need one.

    Returns:
        The plan, with warnings in plain words.

    Raises:
        UnknownName: if there is no such method or space, or the method knows no centred space.
        QueryError: if the query is empty.
        CalibrationMissing: if the method or the space needs more than the calibration says.
        HeadMissing: if the method needs a head.
    """
    chosen = METHODS.get(method)
    if chosen is None:
        raise UnknownName("method", method, known=METHODS)
    if space not in get_args(SpaceName):
        raise UnknownName("space", space, known=get_args(SpaceName))
    fingerprint = tower.card.image_fingerprint
    if not chosen.refines and query.repairs:
        query = replace(query, repairs=())
    if not query.negated:
        if not query.raw.strip():
            raise QueryError("the query is empty; type what an image should show, or should not")
        plain = Setting(tower=tower, calibration=None, space="raw", expand=expand)
        reading = read(query, plain, ("sentence",))
        return Plan(terms=linear_terms(reading.sentence), space=Space(image_fingerprint=fingerprint))
    _require(chosen, calibration, space, tower.card.name)
    if chosen.needs_head:
        fingerprint = _require_head(chosen, head, space, tower.card.name)
    setting = Setting(tower=tower, calibration=calibration, space=space, expand=expand, head=head)
    reading = read(query, setting, chosen.needs, templates=chosen.templates, normals=chosen.needs_normals)
    mean = calibration.mean_image if calibration and space == "centred" else None
    return Plan(
        terms=chosen.compose(reading),
        space=Space(image_fingerprint=fingerprint, mean=mean),
        warnings=reading.warnings,
    )


def _require_head(chosen: Method, head: ExclusionHead | None, space: SpaceName, encoder: str) -> str:
    """The space of the head's codes; they are not centred, for 0 is where a dimension sleeps."""
    if head is None:
        raise HeadMissing(f"the method {chosen.name} needs a head that stands behind {encoder}", encoder)
    if space != "raw":
        raise UnknownName(f"space of the method {chosen.name}", space, known=("raw",))
    return head.code_fingerprint


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
