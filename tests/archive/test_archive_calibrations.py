from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import create_engine, inspect, text

from medneg.archive import Archive, FindingScores, Label
from medneg.errors import ArchiveError
from medneg.scoring import Calibration, Curve
from tests.archive.new_images import SPACE, WIDTH, new_image, stamp
from tests.fake_encoder import FakeEncoder

CARD = FakeEncoder().card
CURVE = Curve(slope=12.5, intercept=-3.0, present=20, absent=60, error=0.02)
PLAIN = FindingScores(
    finding="pleural_effusion", space="raw", mean=0.1, spread=0.2, quantiles=(0.0, 0.1, 0.2, 0.3, 0.4)
)
FITTED = replace(
    PLAIN, space="centred", present=20, absent=60, reported=5, auc=0.9, curve=CURVE, isotonic_error=0.03
)


def calibration(seed=0):
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((2, WIDTH)).astype(np.float32)
    spreads = rng.standard_normal((2, WIDTH, WIDTH)).astype(np.float32)
    return Calibration(
        mean_text=means[0], mean_image=means[1], covariance={"raw": spreads[0], "centred": spreads[1]}
    )


@pytest.fixture
def archive(location):
    with Archive.open(location, create=True) as store:
        store.register(CARD)
        store.store(SPACE, images=[new_image(k) for k in range(6)])
        yield store


def test_a_calibration_comes_back_as_it_was_kept(archive):
    assert archive.calibration(CARD) is None
    kept = calibration()
    archive.save_calibration(CARD, kept, (PLAIN, FITTED))
    found = archive.calibration(CARD)
    assert (found.embeddings, found.stale) == (6, False)
    assert sorted(found.findings, key=lambda each: each.space) == [FITTED, PLAIN]
    np.testing.assert_array_equal(found.calibration.mean_text, kept.mean_text)
    np.testing.assert_array_equal(found.calibration.mean_image, kept.mean_image)
    for space in ("raw", "centred"):
        np.testing.assert_array_equal(found.calibration.covariance[space], kept.covariance[space])
    assert found.calibration.curves == {"raw": {}, "centred": {"pleural_effusion": CURVE}}


def test_calibrating_again_replaces_and_another_text_tower_has_its_own(archive):
    archive.save_calibration(CARD, calibration(0), (PLAIN, FITTED))
    archive.save_calibration(CARD, calibration(1), (PLAIN,))
    other = replace(CARD, text_fingerprint="tuned")
    archive.save_calibration(other, calibration(2), ())
    assert archive.calibration(CARD).findings == (PLAIN,)
    assert archive.calibration(CARD).calibration.mean_text[0] == calibration(1).mean_text[0]
    assert archive.calibration(other).findings == ()


def test_a_calibration_over_other_images_is_stale_and_doctor_hears_of_it(archive):
    archive.save_calibration(CARD, calibration(), ())
    assert not any("calibration" in problem for problem in archive.problems())
    archive.store(SPACE, images=[new_image(6)])
    assert archive.calibration(CARD).stale
    want = "the calibration of fake was made over 6 images, the archive now holds 7; run `medneg calibrate`"
    assert f"{want} again" in archive.problems()


def test_labels_come_by_source_and_reports_speak_for_all_images_of_a_study(archive):
    archive.label({stamp("0.dcm").path: Label(findings={"pleural_effusion": "absent", "hernia": "present"})})
    archive.add_reports([("study0", "Effusion.", {"pleural_effusion": "present"})])
    first, second = (row.id for row in archive.images_of_patient("patient0")[:2])
    assert archive.labels(["pleural_effusion"]) == {
        "manifest": {first: {"pleural_effusion": "absent"}},
        "report": {first: {"pleural_effusion": "present"}, second: {"pleural_effusion": "present"}},
    }


def test_patients_are_numbered_alike_for_all_their_images(archive):
    ids = archive.matrix(SPACE).ids
    owners = archive.patients(ids[::-1])
    assert len(set(owners[:2])) == 1
    assert len(set(owners[2:])) == 1
    assert owners[0] != owners[2]
    with pytest.raises(ArchiveError, match="this archive has no image 99"):
        archive.patients(np.array([99]))


def test_an_archive_of_the_first_schema_is_brought_up_to_date_with_all_it_holds(tmp_path):
    with Archive.open(tmp_path / "a", create=True) as made:
        made.register(CARD)
        made.store(SPACE, images=[new_image(0)])
    engine = create_engine(f"sqlite:///{tmp_path}/a/archive.db")
    with engine.begin() as connection:
        for table in ("calibrated_findings", "calibrations", "claims"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with Archive.open(tmp_path / "a") as opened:
        assert opened.counts().images == 1
        opened.save_calibration(CARD, calibration(), (PLAIN,))
        assert opened.calibration(CARD).embeddings == 1
    assert {"calibrations", "calibrated_findings"} <= set(inspect(engine).get_table_names())
    engine.dispose()
