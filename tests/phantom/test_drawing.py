"""What the drawings promise: the same bytes again, true counterfactuals, findings where they belong."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from PIL import Image

from medneg.phantom.contact_sheet import contact_sheet
from medneg.phantom.drawing import draw
from medneg.phantom.truth import FINDINGS, FindingTruth, Person, Picture, Side, Size, Technique, View

PERSON = Person(seed=11, sex="M", age=58, habitus=0.1)
ONE_SIDED = (
    "pleural_effusion",
    "pneumothorax",
    "consolidation",
    "atelectasis",
    "lung_nodule",
    "lung_mass",
    "calcified_granuloma",
    "rib_fracture",
)
FAR = 0.02
"""Grey values that scatter and the display's smoothing may carry to where a finding is not."""


def _picture(*findings: FindingTruth, view: View = "PA", size: int = 128, seed: int = 3) -> Picture:
    technique = Technique(seed=seed, view=view, rows=size, columns=size)
    return Picture(person=PERSON, technique=technique, findings=findings)


def _truth(finding: str, *, side: Side | None = None, size: Size = "moderate", seed: int = 5) -> FindingTruth:
    return FindingTruth(finding=finding, seed=seed, side=side, size=size)


@lru_cache(maxsize=64)
def _drawn(picture: Picture) -> np.ndarray:
    return draw(picture)


def _difference(*findings: FindingTruth, view: View = "PA", size: int = 128) -> np.ndarray:
    return np.abs(_drawn(_picture(*findings, view=view, size=size)) - _drawn(_picture(view=view, size=size)))


@pytest.mark.parametrize("view", ["PA", "AP", "LATERAL"])
def test_a_drawing_is_float32_in_the_unit_range_and_uses_it(view: View) -> None:
    drawn = draw(_picture(view=view))
    assert drawn.dtype == np.float32
    assert drawn.shape == (128, 128)
    assert drawn.min() >= 0.0
    assert drawn.max() <= 1.0
    assert drawn.max() - drawn.min() > 0.75


@pytest.mark.parametrize("view", ["PA", "AP", "LATERAL"])
def test_the_same_picture_gives_the_same_bytes(view: View) -> None:
    picture = _picture(*(_truth(finding) for finding in FINDINGS), view=view)
    first, second = (hashlib.sha256(draw(picture).tobytes()).hexdigest() for _ in range(2))
    assert first == second


def test_other_people_and_other_films_look_different() -> None:
    picture = _picture()
    other = replace(picture, person=replace(PERSON, seed=12))
    film = replace(picture, technique=replace(picture.technique, seed=4))
    assert np.abs(draw(picture) - draw(other)).mean() > 0.01
    assert np.abs(draw(picture) - draw(film)).mean() > 0.005


@pytest.mark.parametrize(("rows", "columns"), [(160, 128), (128, 150), (97, 131)])
def test_any_shape_can_be_drawn(rows: int, columns: int) -> None:
    technique = Technique(seed=1, view="PA", rows=rows, columns=columns, collimation=0.1)
    assert draw(Picture(person=PERSON, technique=technique)).shape == (rows, columns)


@pytest.mark.parametrize("view", ["PA", "AP", "LATERAL"])
@pytest.mark.parametrize("finding", FINDINGS)
def test_every_finding_changes_the_picture(finding: str, view: View) -> None:
    assert _difference(_truth(finding, side="left"), view=view, size=80).max() > 0.04


@pytest.mark.parametrize("finding", ONE_SIDED)
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_finding_of_one_side_leaves_the_other_as_it_was(finding: str, side: Side) -> None:
    difference = _difference(_truth(finding, side=side, size="small"))
    right, left = difference[:, :60], difference[:, 68:]
    here, there = (left, right) if side == "left" else (right, left)
    assert here.max() > 0.05
    assert there.max() < FAR


def test_the_patients_left_is_on_the_right_of_a_frontal_picture() -> None:
    drawn = draw(_picture(_truth("pleural_effusion", side="left", size="large")))
    assert drawn[70:90, 80:100].mean() > drawn[70:90, 28:48].mean() + 0.2


@pytest.mark.parametrize(
    "finding",
    ["pleural_effusion", "pneumothorax", "cardiomegaly", "consolidation", "pulmonary_edema", "lung_nodule",
     "lung_mass", "rib_fracture", "atelectasis"],
)  # fmt: skip
def test_larger_sizes_change_more_of_the_picture(finding: str) -> None:
    sizes: tuple[Size, ...] = ("small", "moderate", "large")
    small, moderate, large = (_difference(_truth(finding, side="right", size=size)).sum() for size in sizes)
    assert small < moderate < large


def test_without_one_of_two_findings_the_other_stays_as_it_was() -> None:
    nodule, effusion = _truth("lung_nodule", side="right"), _truth("pleural_effusion", side="left")
    difference = np.abs(draw(_picture(nodule, effusion)) - draw(_picture(nodule)))
    assert difference[:, :60].max() < FAR
    assert difference[:, 68:].max() > 0.2


def test_the_order_of_findings_does_not_matter() -> None:
    findings = [_truth(finding, side="left") for finding in ("lung_mass", "consolidation", "pacemaker")]
    forth, back = draw(_picture(*findings)), draw(_picture(*reversed(findings)))
    np.testing.assert_allclose(forth, back, atol=1e-4)


def test_an_effusion_hides_the_nodule_under_it() -> None:
    nodule = replace(_truth("lung_nodule", side="left"), place="basal")
    effusion = _truth("pleural_effusion", side="left", size="large")
    in_air = np.abs(draw(_picture(nodule)) - draw(_picture()))
    in_fluid = np.abs(draw(_picture(nodule, effusion)) - draw(_picture(effusion)))
    assert in_fluid.max() < 0.8 * in_air.max()


def test_a_pneumothorax_is_darker_than_lung() -> None:
    gas = draw(_picture(_truth("pneumothorax", side="right", size="large")))
    healthy = draw(_picture())
    assert (healthy - gas)[40:70, 15:60].max() > 0.1


@pytest.mark.parametrize("view", ["PA", "LATERAL"])
def test_two_sizes_of_one_picture_look_alike(view: View) -> None:
    findings = tuple(
        _truth(finding, side="right") for finding in ("lung_nodule", "pleural_effusion", "pacemaker")
    )
    small = draw(_picture(*findings, view=view, size=192))
    large = draw(_picture(*findings, view=view, size=512))
    shrunk = np.asarray(Image.fromarray(large).resize((192, 192), Image.Resampling.BOX))
    assert np.abs(small - shrunk).mean() < 0.015
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.995


def test_collimation_blackens_the_edges_only() -> None:
    picture = _picture()
    blocked = draw(replace(picture, technique=replace(picture.technique, collimation=0.1)))
    assert np.array_equal(blocked[20:108, 20:108], draw(picture)[20:108, 20:108])
    assert (blocked[0] <= 0.011).all()


def test_less_dose_gives_more_noise() -> None:
    picture = _picture()
    low, high = (
        draw(replace(picture, technique=replace(picture.technique, exposure=dose))) for dose in (0.3, 3.0)
    )
    assert (
        np.abs(np.diff(low[110:, 50:80], axis=1)).mean() > np.abs(np.diff(high[110:, 50:80], axis=1)).mean()
    )


def test_a_contact_sheet_holds_every_finding_and_repeats() -> None:
    page = contact_sheet(1, tile=64)
    assert page.size == (5 * 64, 4 * (64 + 14))
    assert page.tobytes() == contact_sheet(1, tile=64).tobytes()


def test_a_contact_sheet_refuses_tiles_too_small_to_read() -> None:
    with pytest.raises(ValueError, match="at least 64 pixels"):
        contact_sheet(1, tile=32)
