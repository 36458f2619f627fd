"""The scaled study: its rows, its figures against their definitions, and its means."""

from __future__ import annotations

import numpy as np
import pytest

from finetune.embedded import Embedded
from finetune.over_seeds import differences, means, told
from finetune.study import _mean, halves, recipe_of
from finetune.study_figures import heard, image_tower, reading, tenth, zero_shot
from finetune.tuning_recipe import TuningRecipe
from medneg.evaluation.truth import Truth, related
from medneg.query.lexicon import lexicon

FINDINGS = ("pleural_effusion", "pneumothorax")
NAMES = [lexicon().finding(finding).prompt for finding in FINDINGS]
COMMON = TuningRecipe(method="con2", base="phantom", images=16)


def gallery() -> Embedded:
    """Images whose axes say what they show, half as many again in every cell."""
    present = np.array([[a, b] for a in (True, False) for b in (True, False)] * 15)
    vectors = ((2 * present - 1) / np.sqrt(2)).astype(np.float32)
    truth = Truth(findings=FINDINGS, present=present, absent=~present, patients=np.arange(60))
    return Embedded(vectors=vectors, truth=truth, concepts=FINDINGS)


def deaf(texts) -> np.ndarray:
    """A tower that hears findings and no negation."""
    return np.array([[float(name in text) for name in NAMES] for text in texts], np.float32)


def test_a_deaf_tower_names_well_and_denies_badly():
    found = heard(gallery(), deaf)
    for wordings in ("trained", "unseen"):
        assert found[f"X, {wordings}"].tolist() == [1.0, 1.0]
        assert found[f"no X, {wordings}"].tolist() == [0.0, 0.0]
        assert found[f"A but no B, {wordings}"].tolist() == [0.0, 0.0]
        assert found[f"B is shown, {wordings}"].tolist() == [1.0, 1.0]


def test_a_reader_looks_through_all_that_is_shown_before_ten_that_do_not():
    found = reading(gallery(), deaf)
    # Thirty images show X; the thirty others follow.
    assert found["read for ten, no X"].tolist() == [40.0, 40.0]
    # Fifteen show both, then those that show one of them, in turn.
    assert found["read for ten, A but no B"].min() > 15


def test_the_tenth_is_missing_where_fewer_are_right():
    assert np.isnan(tenth(np.zeros(12, np.float32), np.arange(12) < 9))


def test_areas_are_whole_where_the_axes_are_the_findings():
    assert zero_shot(gallery(), deaf, "{}").tolist() == [1.0, 1.0]
    assert image_tower(gallery(), gallery()).tolist() == [1.0, 1.0]


def test_no_area_where_a_finding_was_never_learnt():
    both = gallery().rows(np.flatnonzero(gallery().truth.shows(FINDINGS[0])))
    assert np.isnan(image_tower(both, gallery())[0])


def test_rows_differ_in_what_they_are_called_for():
    of = {row: recipe_of(row, COMMON, FINDINGS) for row in ("con1", "con2-0", "con2-1", "con2-distill")}
    assert (of["con1"].method, of["con1"].distill) == ("con1", 0.0)
    assert [of[row].distractors for row in ("con2-0", "con2-1")] == [0.0, 1.0]
    assert (of["con2-distill"].distractors, of["con2-distill"].distill) == (0.5, 5.0)
    aware = recipe_of("label-aware", COMMON, FINDINGS)
    assert (aware.method, aware.distill, aware.images) == ("label-aware", 5.0, 16)
    assert recipe_of("con2-half", COMMON, FINDINGS).findings == ("pleural_effusion",)
    assert recipe_of("con2-unfrozen", COMMON, FINDINGS).unfreeze_image


def test_findings_set_apart_are_no_kind_of_what_is_tuned_on():
    tuned, apart = halves(("calcification", "aortic_calcification", "pacemaker", "pneumothorax"))
    assert (tuned, apart) == (("calcification", "pacemaker"), ("pneumothorax",))
    assert not any(related(a, b) for a in tuned for b in apart)


def test_means_over_seeds_leave_out_what_a_seed_could_not_ask():
    nan = float("nan")
    runs = {0: {"x": np.array([1.0, nan, nan])}, 1: {"x": np.array([0.0, 0.5, nan])}}
    np.testing.assert_array_equal(_mean(runs, (0, 1))["x"], [0.5, 0.5, nan])


def test_figures_over_seeds_have_students_interval():
    runs = {0: {"x": 0.8}, 1: {"x": 0.9}, 2: {"x": 1.0}}
    figure = means(runs)["x"]
    # t(0.975, 2) = 4.303, s = 0.1
    assert (figure.low, figure.high) == pytest.approx(
        (0.9 - 4.303 * 0.1 / 3**0.5, 0.9 + 4.303 * 0.1 / 3**0.5), abs=1e-4
    )
    gained = differences(runs, {0: {"x": 0.7}, 1: {"x": 0.8}, 5: {"x": 0.0}})["x"]
    assert (gained.value, gained.n) == (pytest.approx(0.1), 2)
    assert told(means({0: {"x": 0.5}})["x"]) == "0.500 (1 run)"
    assert differences(runs, {7: {"x": 1.0}}) == {}
