"""Scoring one gallery with thousands of plans that share a few hundred directions.

A plan's terms are projections of the images and responses to them. Methods differ in the responses, and
questions share their findings, so each direction is projected once and kept. The arithmetic is that of
``medneg.scoring.plan``, in its order, so every bit of a score is the one that a search would give.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medneg.scoring.plan import enter, respond, total
from medneg.values import Plan, Space, Term

KEPT_BYTES = 1 << 28
"""Projections kept at a time: 8,388 directions of a gallery of 4,000 images."""


_Place = tuple[str, bytes | None]
"""A space: its fingerprint, and the mean that is taken off."""


class Projections:
    """A gallery with the projections of it that were asked for lately.

    Args:
        images: unit embeddings as stored, shape (n, d).
        codes: what else is known of the same images, shape (n, d') each, by the fingerprint of its space.
    """

    def __init__(self, images: NDArray[float32], codes: Mapping[str, NDArray[float32]] | None = None) -> None:
        self._images = images
        self._codes = codes or {}
        self._entered: dict[_Place, NDArray[float64]] = {}
        self._kept: OrderedDict[tuple[_Place, bytes], NDArray[float64]] = OrderedDict()
        self._room = max(1, KEPT_BYTES // max(1, 8 * len(images)))

    def score(self, plan: Plan, rows: NDArray[np.int64] | None = None) -> NDArray[float64]:
        """What ``medneg.scoring.plan.score`` says of all images, or of some, shape (n,) or (len(rows),)."""
        parts = []
        for term in plan.terms:
            column = self._project(term, plan.space)
            parts.append(respond(column if rows is None else column[rows], term.response))
        return total(np.stack(parts, axis=1))

    def _project(self, term: Term, space: Space) -> NDArray[float64]:
        """x·v of every image in the plan's space, shape (n,)."""
        place = (space.image_fingerprint, None if space.mean is None else space.mean.tobytes())
        key = (place, term.direction.tobytes())
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if place not in self._entered:
            self._entered[place] = enter(self._codes.get(place[0], self._images), space)
        column: NDArray[float64] = (self._entered[place] * term.direction.astype(float64)).sum(axis=1)
        self._kept[key] = column
        if len(self._kept) > self._room:
            self._kept.popitem(last=False)
        return column
