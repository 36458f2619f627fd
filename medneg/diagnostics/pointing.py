"""Do the maps point at the finding? The pointing game (Zhang et al. 2018) on phantoms drawn twice.

A picture is drawn with a finding and, all else alike, without it; where the two differ is the finding. A map
hits when its highest point lies there, or nearer to it than a tolerance. Beside it stand two ways of being
right without looking: a point anywhere in the picture, and the highest point of the map of another picture
that shows the same finding, for an effusion lies where effusions lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.diagnostics.maps import region_maps
from medneg.dicom import prepare
from medneg.evaluation.intervals import Figure, mean_interval
from medneg.phantom.drawing import draw
from medneg.phantom.sampling import sample_picture
from medneg.phantom.truth import FINDINGS, Picture
from medneg.query import lexicon
from medneg.values import InputSpec, Radiograph

if TYPE_CHECKING:
    from medneg.encoders import Encoder

TOLERANCE = 1 / 16
"""As a share of the picture's side. Zhang et al. (2018, section 4) allow 15 of 224 pixels."""

ASPECTS = (0.82, 1.0, 1.22)
"""Width of a picture as a share of its height."""

CHANGED = 0.15
"""Of the greatest difference between the two drawings: what differs by more belongs to the finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """How often the maps of one finding point at it.

    Attributes:
        hits: share of its pictures, with an interval over pictures, each of another patient.
        chance: how often a point drawn anywhere in the square would hit.
        borrowed: how often the highest point of another picture's map of this finding would.
    """

    finding: str
    hits: Figure
    chance: float
    borrowed: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Case:
    finding: str
    pixels: NDArray[float32]
    near: NDArray[np.bool_]


def pointing_game(
    encoder: Encoder, *, each: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> tuple[Pointing, ...]:
    """Play on freshly drawn phantoms.

    Args:
        encoder: whose maps they are; its text tower names the findings.
        each: pictures of each finding.
        seed: of the pictures and of the intervals.
        progress: called with (done, total) maps.

    Returns:
        One for each of the phantoms' findings that the encoder knows.

    Raises:
        EncoderError: as for ``medneg.diagnostics.maps.region_maps``.
    """
    known = [name for name in FINDINGS if name in (encoder.card.findings or FINDINGS)]
    prompts = [encoder.card.template.format(lexicon().finding(name).prompt) for name in known]
    directions = dict(zip(known, encoder.encode_texts(prompts), strict=True))
    cases: dict[str, list[tuple[_Case, tuple[int, int]]]] = {name: [] for name in known}
    for done, case in enumerate(_cases(known, encoder.card.input, each=each, seed=seed)):
        _, values = region_maps(encoder, case.pixels, directions[case.finding][None])
        row, column = np.unravel_index(int(values[0].argmax()), values[0].shape)
        cases[case.finding].append((case, (int(row), int(column))))
        if progress is not None:
            progress(done + 1, each * len(known))
    rng = np.random.default_rng(seed)
    return tuple(_pointing(name, played, rng) for name, played in cases.items())


def _pointing(name: str, played: list[tuple[_Case, tuple[int, int]]], rng: np.random.Generator) -> Pointing:
    # Rows are pictures, columns are whose map points.
    table = np.array([[case.near[point] for _, point in played] for case, _ in played])
    others = ~np.eye(len(played), dtype=bool)
    return Pointing(
        finding=name,
        hits=mean_interval(table.diagonal().astype(float), rng),
        chance=float(np.mean([case.near.mean() for case, _ in played])),
        borrowed=float(table[others].mean()) if len(played) > 1 else float("nan"),
    )


def _cases(known: list[str], spec: InputSpec, *, each: int, seed: int) -> Iterator[_Case]:
    """Pictures of patients, one of each, until every finding has been shown often enough."""
    missing = dict.fromkeys(known, each)
    for number in count():
        if not any(missing.values()):
            return
        picture = _picture(seed, number, spec.size)
        shown = [truth.finding for truth in picture.findings if missing.get(truth.finding)]
        pixels = _prepared(picture, spec)
        for finding in shown:
            changed = np.abs(pixels - _prepared(_without(picture, finding), spec))
            if changed.any():
                missing[finding] -= 1
                yield _Case(finding=finding, pixels=pixels, near=near(changed))


def near(changed: NDArray[float32]) -> NDArray[np.bool_]:
    """Where a point counts as on the finding, shape (size, size), from how much each pixel differs."""
    from scipy.ndimage import distance_transform_edt

    finding = changed > CHANGED * changed.max()
    distance: NDArray[np.float64] = distance_transform_edt(~finding)
    return distance <= TOLERANCE * len(changed)


def _picture(seed: int, number: int, size: int) -> Picture:
    """One patient's picture, portrait, landscape and square in turn, its long side ``size``."""
    aspect = ASPECTS[number % len(ASPECTS)]
    rows, columns = round(size / max(1.0, aspect)), round(size * min(1.0, aspect))
    return sample_picture(seed, number, rows=rows, columns=columns)


def _without(picture: Picture, finding: str) -> Picture:
    kept = tuple(truth for truth in picture.findings if truth.finding != finding)
    return replace(picture, findings=kept)


def _prepared(picture: Picture, spec: InputSpec) -> NDArray[float32]:
    drawn = Radiograph(pixels=draw(picture), patient="", study="", image="")
    return prepare(drawn, spec)
