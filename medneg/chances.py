"""Probabilities of findings: an encoder's scores put through the curves of a calibration."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from medneg.query import lexicon
from medneg.scoring import Calibration, Expand, SpaceName, TextTower
from medneg.scoring.findings import finding_direction
from medneg.scoring.plan import SMALLEST_NORM
from medneg.values import LogProbability, Mention, Plan, Query, Space, Term

if TYPE_CHECKING:
    from medneg.archive.matrix import ScanMatrix

_BLOCK = 4096


def finding_mention(finding: str) -> Mention:
    """A finding as a query would want it, in the lexicon's words.

    Raises:
        UnknownName: if the lexicon does not know it.
    """
    return Mention(text=lexicon().finding(finding).prompt, polarity="affirmed", finding=finding)


def chance_plan(
    findings: Iterable[str], tower: TextTower, calibration: Calibration, *, space: SpaceName, expand: Expand
) -> Plan | None:
    """A plan with one term for each finding that has a curve: the log of its probability.

    Args:
        findings: lexicon ids; each term's label is one of them.
        tower: belongs to the calibration.
        calibration: holds the curves, and the means of the centred space.
        space: whose curves to use.
        expand: the phrases that a mention stands for.

    Returns:
        None if no finding has a curve.
    """
    curves = calibration.curves.get(space, {})
    centre = calibration if space == "centred" else None
    terms = tuple(
        Term(
            direction=finding_direction(mention, tower=tower, centre=centre, expand=expand),
            response=LogProbability(slope=curves[finding].slope, intercept=curves[finding].intercept),
            label=finding,
            mention=mention,
        )
        for finding in dict.fromkeys(findings)
        if finding in curves
        for mention in (finding_mention(finding),)
    )
    mean = None if centre is None else centre.mean_image
    return (
        Plan(terms=terms, space=Space(image_fingerprint=tower.card.image_fingerprint, mean=mean))
        if terms
        else None
    )


def query_chances(
    query: Query,
    tower: TextTower,
    calibration: Calibration | None,
    *,
    space: SpaceName,
    expand: Expand,
) -> Plan | None:
    """A ``chance_plan`` of all findings of a query and of the kinds of what it excludes."""
    if calibration is None:
        return None
    named = [mention.finding for mention in query.affirmed + query.negated if mention.finding]
    kinds = [kind for mention in query.negated if mention.finding for kind in kinds_of(mention.finding)]
    return chance_plan((*named, *kinds), tower, calibration, space=space, expand=expand)


def kinds_of(finding: str) -> tuple[str, ...]:
    """All kinds of a finding that have no kinds of their own; none of what the lexicon lacks."""
    words = lexicon()
    if finding not in words:
        return ()
    return tuple(kind for kind in words.descendants(finding) if not words.descendants(kind))


def parts_of(finding: str, known: Collection[str]) -> tuple[str, ...]:
    """What an excluded finding is judged by: itself, and those of its kinds that are known."""
    return (finding, *(kind for kind in kinds_of(finding) if kind in known))


def log_odds(plan: Plan, matrix: ScanMatrix) -> dict[str, NDArray[float64]]:
    """By label of a ``chance_plan`` the log-odds of the finding in every image of a matrix, shape (n,).

    One pass over the float16 rows: the last digits of the exact scores are not needed where labelled and
    unlabelled images are only compared with each other.
    """
    import torch

    towards = torch.from_numpy(np.stack([term.direction for term in plan.terms]).T)  # d t
    found = np.empty((len(matrix), len(plan.terms)), float64)
    for start in range(0, len(matrix), _BLOCK):
        images = torch.from_numpy(matrix.vectors[start : start + _BLOCK]).float()
        found[start : start + _BLOCK] = (images @ towards).numpy()
    if plan.space.mean is not None:
        found -= plan.space.mean @ towards.numpy()
        found /= np.maximum(matrix.distances(plan.space.mean), SMALLEST_NORM)[:, None]
    curves = [term.response for term in plan.terms]
    return {
        term.label: curve.slope * found[:, column] + curve.intercept
        for column, (term, curve) in enumerate(zip(plan.terms, curves, strict=True))
        if isinstance(curve, LogProbability)
    }
