"""Where embeddings lie: every number against its definition, written slowly."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

from medneg.diagnostics.geometry import (
    effective_rank,
    measure_geometry,
    minimal_pairs,
    polarity_probe,
    prompt_set,
)
from medneg.diagnostics.projection import agreement, aligned, principal
from medneg.evaluation.wordings import con2_prompts
from tests.diagnostics.towers import Deaf, Oracle
from tests.evaluation.perfect import FINDINGS, gallery


def _geometry(tower):
    images, _ = gallery(200)
    return measure_geometry(tower, images, FINDINGS, carriers=4, rng=np.random.default_rng(0))


def test_minimal_pairs_are_the_papers_prompts_and_differ_in_polarity_alone():
    prompts = {
        kind: [*con2_prompts()[f"structured {kind}"], *con2_prompts()[f"natural {kind}"]]
        for kind in ("positive", "negative")
    }
    for affirmed, negated in minimal_pairs():
        assert affirmed in prompts["positive"]
        assert negated in prompts["negative"]


def test_every_carrier_is_asked_once_in_each_polarity():
    asked = prompt_set(FINDINGS, 3)
    assert len(asked.texts) == 4 * 3 * 2
    assert asked.texts[:2] == ("pleural effusion", "no pleural effusion")
    assert sum(asked.negated) == 12


def test_an_oracle_sends_no_x_to_the_other_side_and_a_deaf_tower_leaves_it_on_x():
    oracle, deaf = _geometry(Oracle()), _geometry(Deaf(Oracle()))
    row = Oracle().encode_texts(["pleural effusion", "no pleural effusion"]).astype(float)
    assert oracle.cosine_negated.value == pytest.approx(float(row[0] @ row[1]), abs=1e-6)
    assert oracle.cosine_negated.value < -0.9
    assert oracle.silhouette_polarity.value == pytest.approx(1, abs=1e-3)
    assert oracle.probe.value == 0.5  # it denies each finding on that finding's own axis
    assert deaf.cosine_negated.value == pytest.approx(1)
    assert deaf.cosine_others.value < 0.05
    assert deaf.silhouette_finding == pytest.approx(1, abs=1e-3)


def test_the_gap_is_the_distance_of_the_means():
    images, _ = gallery(200)
    texts = Oracle().encode_texts(prompt_set(FINDINGS, 4).texts)
    assert _geometry(Oracle()).gap == pytest.approx(
        float(np.linalg.norm(images.mean(0) - texts.mean(0))), abs=1e-6
    )


def test_effective_rank_is_the_exponential_of_the_entropy():
    rows = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    centred = rows.astype(float) - rows.astype(float).mean(0)
    sizes = np.sqrt(np.linalg.eigvalsh(centred.T @ centred))
    shares = [size / sum(sizes) for size in sizes]
    assert effective_rank(rows) == pytest.approx(np.exp(-sum(p * np.log(p) for p in shares)), rel=1e-6)
    assert np.isnan(effective_rank(np.ones((4, 3), np.float32)))


def test_the_probe_is_judged_on_findings_that_it_never_saw():
    """Polarity lies on one axis for two findings and on another for the third: there it cannot be told."""
    rows = np.array([[1, 0], [-1, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    about = np.array(["a", "a", "b", "b", "c", "c"])
    negated = np.array([False, True] * 3)
    found = polarity_probe(rows, about, negated)
    assert found[:2].tolist() == [1, 1]
    assert found[2] == 0.5
    assert np.isnan(polarity_probe(rows[:2], about[:2], negated[:2])).all()


def test_maps_that_differ_by_a_turn_a_mirror_and_a_scale_are_brought_together():
    rng = np.random.default_rng(1)
    frame = rng.normal(size=(20, 2))
    turn = np.array([[0.0, 1.0], [1.0, 0.0]]) @ np.array([[0.6, -0.8], [0.8, 0.6]])
    moved = 3 * frame @ turn + np.array([5.0, -2.0])
    assert np.allclose(aligned(moved, frame), frame)


def test_agreement_is_the_share_of_common_neighbours():
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(2, 25, 2))
    shared = []
    for point in range(25):
        near = []
        for points in (one, other):
            far = [(float(((points[point] - points[j]) ** 2).sum()), j) for j in range(25) if j != point]
            near.append({j for _, j in sorted(far)[:10]})
        shared.append(len(near[0] & near[1]) / 10)
    assert agreement(one, other) == pytest.approx(fmean(shared))


def test_principal_axes_hold_the_greatest_variance():
    rng = np.random.default_rng(3)
    rows = (rng.normal(size=(40, 4)) * [5, 3, 1, 0.1]).astype(np.float32)
    points, explained = principal(rows)
    spread = np.sort(np.linalg.eigvalsh(np.cov(rows.astype(float), rowvar=False)))[::-1]
    assert explained == pytest.approx(spread[:2].sum() / spread.sum(), rel=1e-5)
    assert np.var(points, axis=0, ddof=1) == pytest.approx(spread[:2], rel=1e-5)
