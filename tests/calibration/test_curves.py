import numpy as np
import pytest

from medneg.calibration.curves import auc, calibration_error, fit, folds, isotonic, logistic, platt


def drawn(seed, n=400, slope=8.0, intercept=-2.0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0.2, 0.3, n)
    return scores, rng.random(n) < logistic(slope * scores + intercept)


def slow_calibration_error(chances, present, bins):
    """The definition, image by image."""
    order = sorted(range(len(chances)), key=lambda i: chances[i])
    sizes = [len(order) // bins + (b < len(order) % bins) for b in range(bins)]
    error, start = 0.0, 0
    for size in sizes:
        some = order[start : start + size]
        start += size
        if some:
            gap = sum(float(present[i]) for i in some) / size - sum(chances[i] for i in some) / size
            error += size / len(order) * abs(gap)
    return error


def test_platts_line_is_where_the_likelihood_of_his_targets_is_flat():
    scores, present = drawn(0)
    slope, intercept = platt(scores, present)
    up, down = int(present.sum()), int((~present).sum())
    target = np.where(present, (up + 1) / (up + 2), 1 / (down + 2))
    residual = 1 / (1 + np.exp(-(slope * scores + intercept))) - target
    assert abs(residual.mean()) < 1e-6
    assert abs((residual * scores).mean()) < 1e-6


def test_platt_finds_the_curve_that_made_the_labels():
    scores, present = drawn(1, n=40_000)
    assert platt(scores, present) == pytest.approx((8.0, -2.0), rel=0.05)


def test_scores_that_separate_the_kinds_get_a_finite_curve():
    scores = np.concatenate([np.zeros(50), np.ones(50)])
    slope, intercept = platt(scores, scores > 0)
    assert logistic(np.array([intercept, slope + intercept])) == pytest.approx([1 / 52, 51 / 52], rel=1e-3)


def test_isotonic_regression_pools_what_falls_and_joins_what_lies_between():
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    present = np.array([False, True, False, True])
    assert isotonic(scores, present, np.array([0.0, 1.0, 1.5, 2.0, 2.7, 9.0])).tolist() == [
        *(0.0, 0.0, 0.25, 0.5, 0.5, 1.0),
    ]


@pytest.mark.parametrize(("n", "bins"), [(400, 15), (37, 15), (9, 15), (400, 1)])
def test_the_calibration_error_is_that_of_its_definition(n, bins):
    scores, present = drawn(2, n=n)
    chances = logistic(5 * scores)
    assert calibration_error(chances, present, bins) == pytest.approx(
        slow_calibration_error(chances.tolist(), present.tolist(), bins)
    )


def test_auc_counts_pairs():
    assert auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True])) == (1 + 0.5 + 2) / 4


def test_every_patient_is_held_out_once_with_all_images():
    patients = np.random.default_rng(0).integers(0, 40, 200)
    held = np.array(list(folds(patients)))
    assert held.sum(axis=0).tolist() == [1] * 200
    for fold in held:
        assert not set(patients[fold]) & set(patients[~fold])


def test_a_fit_reports_its_error_on_patients_it_did_not_see():
    scores, present = drawn(3, n=4000)
    fitted = fit(scores, present, np.arange(4000) // 2)
    assert (fitted.curve.present, fitted.curve.absent) == (present.sum(), (~present).sum())
    assert fitted.curve.error < 0.03
    assert fitted.isotonic_error < 0.05


def test_a_label_that_is_the_patients_alone_is_not_learnt_by_heart():
    rng = np.random.default_rng(4)
    patients = np.repeat(np.arange(100), 20)
    scores = np.repeat(rng.standard_normal(100), 20)
    present = np.repeat(rng.random(100) < 0.5, 20)
    assert fit(scores, present, patients).isotonic_error > 0.1


@pytest.mark.parametrize(("shown", "absent"), [(19, 500), (500, 19), (0, 500)])
def test_fewer_than_twenty_images_of_a_kind_give_no_curve(shown, absent):
    scores = np.random.default_rng(5).standard_normal(shown + absent)
    present = np.arange(shown + absent) < shown
    assert fit(scores, present, np.arange(shown + absent)) is None


def test_images_of_one_patient_give_no_curve():
    scores, present = np.arange(60.0), np.arange(60) < 30
    assert fit(scores, present, np.where(present, 0, np.arange(60))) is None
