"""Do the maps point at the finding? The pointing game (Zhang et al. 2018) on phantoms drawn twice.

A picture is drawn with a finding and, all else alike, without it; where the two differ is the finding. A map
hits when its highest point lies there, or nearer to it than a tolerance. Beside it stand two ways of being
right without looking: a point anywhere in the picture, and the highest point of the map of another picture
that shows the same finding, for an effusion lies where effusions lie. And without the finding the map should
fade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
"""As a share of the picture's side. Zhang et al. (2018) allow 15 pixels."""

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
        fades: how high the map is of the same picture drawn without the finding, as a share of its height
            with it; the median over pictures.
    """

    finding: str
    hits: Figure
    chance: float
    borrowed: float
    fades: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Case:
    finding: str
    pixels: NDArray[float32]
    twin: NDArray[float32]
    near: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Played:
    case: _Case
    point: tuple[int, int]
    fades: float


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
    played: dict[str, list[_Played]] = {name: [] for name in known}
    for done, case in enumerate(_cases(known, encoder.card.input, each=each, seed=seed)):
        played[case.finding].append(_play(encoder, case, directions[case.finding]))
        if progress is not None:
            progress(done + 1, each * len(known))
    rng = np.random.default_rng(seed)
    return tuple(_pointing(name, turns, rng) for name, turns in played.items())


def _play(encoder: Encoder, case: _Case, direction: NDArray[float32]) -> _Played:
    found, without = (
        region_maps(encoder, pixels, direction[None])[1][0] for pixels in (case.pixels, case.twin)
    )
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    height = float(found.max())
    fades = float(without.max()) / height if height > 0 else float("nan")
    return _Played(case=case, point=(int(row), int(column)), fades=fades)


def _pointing(name: str, played: Sequence[_Played], rng: np.random.Generator) -> Pointing:
    # Rows are pictures, columns are whose map points.
    table = np.array([[turn.case.near[other.point] for other in played] for turn in played])
    others = ~np.eye(len(played), dtype=bool)
    return Pointing(
        finding=name,
        hits=mean_interval(table.diagonal().astype(float), rng),
        chance=float(np.mean([turn.case.near.mean() for turn in played])),
        borrowed=float(table[others].mean()) if len(played) > 1 else float("nan"),
        fades=float(np.nanmedian([turn.fades for turn in played])),
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
            twin = _prepared(_without(picture, finding), spec)
            if not np.array_equal(pixels, twin):
                missing[finding] -= 1
                yield _Case(finding=finding, pixels=pixels, twin=twin, near=near(np.abs(pixels - twin)))


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
