"""Risk-controlled exclusion: of the images that remain, at most so many carry what was excluded.

The images that probably show what is wanted are put in the order of the probability of what is excluded, the
safest first, and labels tell how far down that order one may go (docs/explanation/promises.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int8
from numpy.typing import NDArray

from medneg.chances import log_odds, parts_of
from medneg.errors import PromiseError
from medneg.labels import PRESENT, UNKNOWN, read_labels
from medneg.promises.bounds import CONFIDENCE, candidates, doubt_per_step, joint_states, largest_safe
from medneg.query import lexicon
from medneg.values import Mention, Plan, Query

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.archive.filters import Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """At most ``risk`` of the images that remain carry what was excluded, with ``confidence``.

    Attributes:
        risk: the greatest share of images that may carry it.
        confidence: how many of such promises hold, over the luck of which patients are labelled.
        findings: lexicon ids of what was excluded.
        fitting: images that pass the filter and probably show what is wanted.
        remaining: of these, how many the promise lets through.
        unseen: of these, images without a label for what was excluded. With none of them, the promise is for
            further images from the same source.
        labelled: the others: the promise rests on them.
        carrying: of these, how many carry what was excluded.
    """

    risk: float
    confidence: float
    findings: tuple[str, ...]
    fitting: int
    remaining: int
    unseen: int
    labelled: int
    carrying: int

    def to_json(self) -> dict[str, Any]:
        """The promise as plain values."""
        names = ("risk", "confidence", "fitting", "remaining", "unseen", "labelled", "carrying")
        return {"findings": list(self.findings)} | {name: getattr(self, name) for name in names}


def promise(
    archive: Archive,
    image_fingerprint: str,
    query: Query,
    chances: Plan | None,
    *,
    risk: float,
    where: Where,
) -> tuple[Promise, NDArray[np.int64]]:
    """Find the images of which at most a share carries what a query excludes.

    Args:
        archive: holds the labels.
        image_fingerprint: the encoder's space.
        query: what is wanted and what is not.
        chances: ``chance_plan`` of all its findings.
        risk: the share, in (0, 1).
        where: which images may be hits.

    Returns:
        The promise, and the ids of the images that remain, ascending, shape (m,).

    Raises:
        PromiseError: if labels and curves do not support it, with the reason.
        ValueError: if ``risk`` is out of range.
    """
    if not 0 < risk < 1:
        raise ValueError(f"risk must lie between 0 and 1; got {risk!r}")
    wanted, excluded = findings_asked(query)
    _require_curves((*wanted, *excluded), chances)
    assert chances is not None
    matrix = archive.matrix(image_fingerprint)
    odds = log_odds(chances, matrix)
    states = joint_states(read_labels(archive, matrix.ids, excluded).states)
    allowed = archive.mask(where, matrix.ids)
    parts = [odds[part] for each in excluded for part in parts_of(each, odds)]
    rows = candidates([odds[each] for each in wanted], parts, states, allowed)
    if len(rows) == 0:
        raise PromiseError(f"no image that passes the filter probably shows {_names(wanted, 'and')}")
    patients = archive.patients(matrix.ids[rows])
    cut = largest_safe(states[rows], patients, risk=risk)
    if cut == 0:
        doubt = doubt_per_step(states[rows], patients, CONFIDENCE)
        fitting = "that probably show what is wanted " if wanted else ""
        raise PromiseError(_refusal(states[rows], excluded, risk, doubt, fitting))
    labelled = states[rows[:cut]] != UNKNOWN
    made = Promise(
        risk=risk,
        confidence=CONFIDENCE,
        findings=excluded,
        fitting=len(rows),
        remaining=cut,
        unseen=int((~labelled).sum()),
        labelled=int(labelled.sum()),
        carrying=int((states[rows[:cut]] == PRESENT).sum()),
    )
    return made, np.sort(matrix.ids[rows[:cut]])


def findings_asked(query: Query) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The findings that a query wants and excludes, where a promise can be made about them.

    Raises:
        PromiseError: if it excludes nothing, or what no label of a finding can tell.
    """
    if not query.negated:
        raise PromiseError("the query excludes nothing, so there is nothing to promise of it")
    wanted = dict.fromkeys(_finding(mention) for mention in query.affirmed)
    excluded = dict.fromkeys(_finding(mention) for mention in query.negated)
    for mention in query.negated:
        if mention.modifiers:
            raise PromiseError(
                f"labels tell whether a finding is there, not whether it is {' '.join(mention.modifiers)}: "
                f"nothing can be promised of “{mention.text}”; exclude the finding as a whole"
            )
    for finding in excluded:
        both = {finding, *lexicon().descendants(finding)} & wanted.keys()
        if both:
            raise PromiseError(
                f"the query wants {_names(tuple(both), 'and')} and excludes {_names((finding,), 'and')}, "
                "which includes it; no image can be promised to show the one and not the other"
            )
    return tuple(wanted), tuple(excluded)


def _finding(mention: Mention) -> str:
    if mention.finding is None:
        raise PromiseError(f"no label can speak of “{mention.text}”: it is no finding of the lexicon")
    return mention.finding


def _require_curves(findings: Sequence[str], chances: Plan | None) -> None:
    """Refuse findings without a curve."""
    known = {term.label for term in chances.terms} if chances is not None else set()
    missing = tuple(finding for finding in dict.fromkeys(findings) if finding not in known)
    if missing:
        raise PromiseError(
            f"the archive has no probability for {_names(missing, 'and')}: run `medneg calibrate`, which "
            "needs at least 20 images that are labelled to show a finding and 20 that are labelled not to"
        )


def _refusal(
    states: NDArray[int8], excluded: tuple[str, ...], risk: float, doubt: float, fitting: str
) -> str:
    what = _names(excluded, "or")
    labelled, carrying = int((states != UNKNOWN).sum()), int((states == PRESENT).sum())
    needed = math.ceil(math.log(doubt) / math.log(1 - risk))
    said = (
        f"cannot promise that at most {risk:.1%} carry {what}: {labelled:,} of the {len(states):,} images "
        f"{fitting}are labelled for it, {carrying:,} of them carry it"
    )
    if labelled < needed:
        return f"{said}; at least {needed:,} labels are needed. Label more, or allow a greater risk"
    return f"{said}, too many even among the safest. Allow a greater risk, or label more"


def _names(findings: Sequence[str], joint: str) -> str:
    names = [lexicon().finding(finding).name for finding in findings]
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
