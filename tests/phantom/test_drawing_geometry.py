"""The millimetres, edges and strokes that drawings are made of, and the physics behind their greys."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medneg.phantom.bones import breaks_of
from medneg.phantom.build import build_of
from medneg.phantom.geometry import (
    Stroke,
    blurred,
    bump,
    curve,
    dome,
    ellipse,
    field_of,
    polygons,
    ramp,
    strokes,
    texture,
)
from medneg.phantom.physics import Look, displayed, exposed
from medneg.phantom.truth import FindingTruth, Person, Picture, Side, Size, Technique
from medneg.phantom.vessels import grown

LOOK = Look(dark=0.0, bright=4.0, gamma=1.0, detail=0.0, scatter=0.0, noise=0.0)


def test_the_shorter_edge_is_400_millimetres() -> None:
    field = field_of(300, 200)
    assert field.pixel == 2.0
    assert field.shape == (300, 200)
    assert (field.x[0, 0], field.x[0, -1]) == (-199.0, 199.0)
    assert (field.y[0, 0], field.y[-1, 0]) == (-99.0, 499.0)


def test_a_soft_edge_is_half_way_at_the_border() -> None:
    distance = np.array([-3, -1, 0, 1, 3], dtype=np.float32)
    np.testing.assert_allclose(ramp(distance, 2.0), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(bump(distance, 1.0), np.exp(-(distance**2) / 2), rtol=1e-6)
    np.testing.assert_allclose(dome(distance / 5), np.sqrt(1 - (distance / 5) ** 2), rtol=1e-6)


def test_an_ellipse_turned_by_ninety_degrees_swaps_its_axes() -> None:
    field = field_of(64, 64)
    np.testing.assert_allclose(
        ellipse(field, (5, 200), (30, 60), turn=90), ellipse(field, (5, 200), (60, 30)), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("size", [128, 192, 256, 512])
def test_a_stroke_has_its_own_area_at_every_size(size: int) -> None:
    field = field_of(size, size)
    level = strokes(field, [Stroke(((-80.0, 150.0), (60.0, 150.0)), 3.0, 2.0)])
    oblique = strokes(field, [Stroke(((-80.0, 120.0), (60.0, 260.0)), 3.0, 2.0)])
    assert level.sum() * field.pixel**2 == pytest.approx(2.0 * 3.0 * 140, rel=0.08)
    assert oblique.sum() * field.pixel**2 == pytest.approx(2.0 * 3.0 * math.hypot(140, 140), rel=0.3)


def test_no_strokes_leave_the_field_empty() -> None:
    assert not strokes(field_of(32, 40), []).any()


def test_a_polygon_has_its_own_area() -> None:
    field = field_of(128, 128)
    square = polygons(field, [[(-50, 100), (50, 100), (50, 200), (-50, 200)]])
    assert square.sum() * field.pixel**2 == pytest.approx(10_000, rel=0.03)


def test_a_curve_passes_through_its_points() -> None:
    points = [(0.0, 0.0), (10.0, 4.0), (20.0, -3.0)]
    drawn = curve(points, steps=4)
    assert [drawn[0], drawn[4], drawn[8]] == points


def test_a_texture_has_the_same_grains_at_every_size() -> None:
    small, large = (texture(field_of(n, n), np.random.default_rng(1), 20) for n in (100, 200))
    pooled = large.reshape(100, 2, 100, 2).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), pooled.ravel())[0, 1] > 0.99


def test_the_coarse_blur_is_close_to_the_true_one() -> None:
    from scipy.ndimage import gaussian_filter

    picture = np.random.default_rng(0).random((120, 120), dtype=np.float32)
    picture[40:80, 30:60] += 3
    slow = gaussian_filter(picture, 12.0, mode="nearest")
    assert np.abs(blurred(picture, 12.0) - slow).max() < 0.08 * np.ptp(slow)


def test_without_scatter_and_noise_grey_is_linear_in_attenuation() -> None:
    field = field_of(32, 32)
    depth = np.full((32, 32), 1.6, dtype=np.float32)
    shown = exposed(depth, field, LOOK, np.random.default_rng(0))
    np.testing.assert_allclose(shown, 1.6 / 4.0, rtol=1e-5)


def test_the_display_is_monotone_and_never_leaves_the_unit_range() -> None:
    field = field_of(16, 16)
    greys = [
        float(displayed(np.full((16, 16), v, np.float32), field, LOOK).mean()) for v in np.linspace(-2, 9, 23)
    ]
    assert greys == sorted(greys)
    assert greys[0] == 0.0
    assert greys[-1] <= 1.0


def test_vessels_fork_in_murrays_proportions() -> None:
    twig = np.array([[0.0], [0.0], [1.0], [0.0], [4.0]])
    branches, drawn = grown(twig, np.array([[0.5], [0.5], [0.2], [0.5]]))
    assert len(drawn) == 1
    assert (branches[4] ** 3).sum() == pytest.approx((0.86 * 4.0) ** 3)


def test_thin_vessels_end() -> None:
    branches, _ = grown(np.array([[0.0], [0.0], [1.0], [0.0], [1.5]]), np.full((4, 1), 0.5))
    assert branches.shape == (5, 0)


@pytest.mark.parametrize(("size", "count"), [("small", 2), ("moderate", 3), ("large", 4)])
@pytest.mark.parametrize(("side", "signs"), [("left", [1]), ("right", [-1]), ("bilateral", [-1, 1])])
def test_size_counts_broken_ribs_and_side_says_where(
    size: Size, count: int, side: Side, signs: list[int]
) -> None:
    broken = breaks_of(FindingTruth(finding="rib_fracture", seed=4, side=side, size=size))
    assert [one.sign for one in broken] == signs
    assert all(len(one.ribs) == count and np.ptp(one.ribs) == count - 1 for one in broken)


@pytest.mark.parametrize("seed", range(12))
def test_the_heart_is_over_half_the_chest_only_in_cardiomegaly(seed: int) -> None:
    person = Person(seed=seed, sex="F", age=70, habitus=0.0)
    for view, most in (("PA", 0.5), ("AP", 0.53)):
        technique = Technique(seed=0, view=view)  # type: ignore[arg-type]
        assert build_of(Picture(person=person, technique=technique)).heart < most
        truth = FindingTruth(finding="cardiomegaly", seed=seed, size="small")
        assert build_of(Picture(person=person, technique=technique, findings=(truth,))).heart > 0.56
