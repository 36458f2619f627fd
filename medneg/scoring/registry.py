"""The negation methods by name: one dict, filled by one decorator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medneg.errors import QueryError, UnknownName
from medneg.scoring.calibration import Calibration
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
    """

    name: str
    source: str
    needs: tuple[Need, ...]
    compose: Compose


METHODS: dict[str, Method] = {}
"""Every method by its name."""


def method(name: str, *, source: str, needs: Sequence[Need]) -> Callable[[Compose], Compose]:
    """Register a method; its name must be new."""

    def register(compose: Compose) -> Compose:
        if name in METHODS:
            raise ValueError(f"there is a method {name!r} already")
        METHODS[name] = Method(name=name, source=source, needs=tuple(needs), compose=compose)
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
    expand: Expand = own_words,
) -> Plan:
    """Compile a query to a plan.

    A query without negation becomes plain cosine with its raw words in the raw space, whatever the method
    and the calibration are.

    Args:
        query: what was asked; only mentions and raw words count.
        method: a name in ``METHODS``.
        tower: the text tower that belongs to the image embeddings.
        calibration: centre both modalities on these means; None for the raw space.
        expand: the phrases that a mention stands for, its own words first.

    Returns:
        The plan, with warnings in plain words.

    Raises:
        UnknownName: if there is no such method.
        QueryError: if the query is empty.
    """
    chosen = METHODS.get(method)
    if chosen is None:
        raise UnknownName("method", method, known=METHODS)
    fingerprint = tower.card.image_fingerprint
    if not query.negated:
        if not query.raw.strip():
            raise QueryError("the query is empty; type what an image should show, or should not")
        reading = read(query, ("sentence",), tower=tower, calibration=None, expand=expand)
        return Plan(terms=linear_terms(reading.sentence), space=Space(image_fingerprint=fingerprint))
    reading = read(query, chosen.needs, tower=tower, calibration=calibration, expand=expand)
    mean = None if calibration is None else calibration.mean_image
    return Plan(
        terms=chosen.compose(reading),
        space=Space(image_fingerprint=fingerprint, mean=mean),
        warnings=reading.warnings,
    )
