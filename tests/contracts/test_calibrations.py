from dataclasses import replace

import numpy as np
import pytest

from medneg.archive import Label
from medneg.errors import ArchiveError
from tests.archive.new_calibrations import CARD, CURVE, FITTED, PLAIN, calibration
from tests.archive.new_images import SPACE, new_image, stamp


@pytest.fixture
def archive(open_archive):
    with open_archive() as store:
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
