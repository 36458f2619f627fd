import json

import numpy as np
import pytest

from medneg.archive import Archive
from medneg.calibration import calibrate_archive, fit_curves
from medneg.calibration.fitting import directions
from medneg.compiling import calibrate
from medneg.errors import ArchiveError, SpaceMismatch
from medneg.labels import read_labels
from medneg.scoring.plan import enter
from medneg.values import Space
from tests.calibration.noisy_archive import KNOWN, NoisyEncoder, fill, truth
from tests.fake_encoder import FakeEncoder

N = 300


@pytest.fixture(scope="module")
def encoder():
    return NoisyEncoder()


@pytest.fixture(scope="module")
def archive(tmp_path_factory, encoder):
    with Archive.open(tmp_path_factory.mktemp("films") / "a", create=True) as store:
        fill(store, encoder, truth(N), labelled=np.ones(N, bool))
        yield store


@pytest.fixture(scope="module")
def report(archive, encoder):
    return calibrate_archive(archive, encoder)


def row(report, finding, space="raw"):
    return next(each for each in report.findings if (each.finding, each.space) == (finding, space))


def test_every_labelled_finding_and_its_parents_get_a_curve_in_both_spaces(report):
    named = {each.finding for each in report.findings}
    assert {*KNOWN, "calcification", "vascular_calcification"} <= named
    for space in ("raw", "centred"):
        for finding in KNOWN:
            scores = row(report, finding, space)
            assert scores.auc > 0.9
            assert scores.curve.slope > 0
            assert scores.curve.error < 0.1
            assert (scores.present + scores.absent, scores.reported) == (N, 0)


def test_a_parent_is_present_where_a_kind_is(report):
    shown = truth(N)[:, 2:].any(axis=1)
    assert row(report, "calcification").present == shown.sum()


def test_the_covariance_and_means_give_the_spread_of_any_score(archive, encoder, report):
    kept = archive.calibration(encoder.card).calibration
    images = archive.vectors("noisy image", archive.matrix("noisy image").ids.tolist())
    np.testing.assert_allclose(kept.mean_image, images.mean(axis=0), atol=1e-6)
    for space, mean in (("raw", None), ("centred", kept.mean_image)):
        entered = enter(images, Space(image_fingerprint="noisy image", mean=mean))
        np.testing.assert_allclose(kept.covariance[space], np.cov(entered.T, ddof=0), atol=1e-6)
        towards = directions(KNOWN, encoder, kept)[space]
        for finding, direction in zip(KNOWN, towards, strict=True):
            scores = row(report, finding, space)
            assert scores.spread == pytest.approx(
                float(np.sqrt(direction @ kept.covariance[space] @ direction)), rel=1e-3
            )
            assert scores.mean == pytest.approx(float((entered @ direction).mean()), abs=1e-5)
            assert scores.quantiles[2] == pytest.approx(float(np.median(entered @ direction)), abs=1e-5)


def test_curves_of_arrays_are_those_of_the_archive(archive, encoder, report):
    ids = archive.matrix("noisy image").ids
    images = archive.vectors("noisy image", ids.tolist())
    means = calibrate(encoder, archive.matrix("noisy image").mean)
    found = fit_curves(
        images, read_labels(archive, ids, KNOWN), archive.patients(ids), tower=encoder, means=means
    )
    for space in ("raw", "centred"):
        for finding in KNOWN:
            assert found[space][finding].slope == pytest.approx(
                row(report, finding, space).curve.slope, rel=1e-3
            )


def test_what_is_kept_is_what_was_reported_and_can_be_written_as_json(archive, encoder, report):
    kept = archive.calibration(encoder.card)
    assert sorted(kept.findings, key=lambda each: (each.finding, each.space)) == sorted(
        report.findings, key=lambda each: (each.finding, each.space)
    )
    assert json.loads(json.dumps(report.to_json()))["images"] == N


def test_reports_speak_where_no_manifest_does_and_are_counted(tmp_path, encoder):
    with Archive.open(tmp_path / "a", create=True) as store:
        fill(store, encoder, truth(60, share=0.5), labelled=np.arange(60) < 20)
        store.add_reports([(f"s{k}", "…", {"pleural_effusion": "present"}) for k in range(10, 60)])
        scores = row(calibrate_archive(store, encoder), "pleural_effusion")
    shown = truth(60, share=0.5)[:20, 0].sum()
    assert (scores.present, scores.absent, scores.reported) == (shown + 40, 20 - shown, 40)


def test_without_labels_there_are_spreads_and_no_curves(tmp_path, encoder):
    with Archive.open(tmp_path / "a", create=True) as store:
        fill(store, encoder, truth(30), labelled=np.zeros(30, bool))
        report = calibrate_archive(store, encoder)
        assert store.calibration(encoder.card).calibration.curves == {"raw": {}, "centred": {}}
    assert {each.finding for each in report.findings} == set(KNOWN)
    assert all(each.curve is None and each.auc is None and each.spread > 0 for each in report.findings)


def test_an_encoder_that_did_not_embed_the_archive_is_refused(archive, tmp_path, encoder):
    with pytest.raises(SpaceMismatch, match="no embeddings of the encoder fake"):
        calibrate_archive(archive, FakeEncoder())
    with (
        Archive.open(tmp_path / "b", create=True) as empty,
        pytest.raises(ArchiveError, match="no embedded images yet"),
    ):
        calibrate_archive(empty, encoder)
