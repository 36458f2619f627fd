import numpy as np
import pytest

from medneg.archive import Archive
from medneg.calibration import Exclusion, try_promises, try_promises_of_archive
from medneg.errors import ArchiveError
from medneg.labels import ABSENT, PRESENT, UNKNOWN, Labels
from tests.calibration.noisy_archive import NoisyEncoder, fill, truth

EFFUSION, EDEMA = "pleural_effusion", "pulmonary_edema"
QUESTION = Exclusion(wanted=(EFFUSION,), excluded=(EDEMA,))


def drawn(size=900, noise=0.3):
    rng = np.random.default_rng(0)
    shown = rng.random((size, 2)) < 0.3
    labels = Labels(
        findings=(EFFUSION, EDEMA),
        states=np.where(shown, PRESENT, ABSENT).astype(np.int8),
        reported=np.zeros((size, 2), bool),
    )
    return shown + noise * rng.standard_normal((size, 2)), labels


def test_promises_hold_in_nineteen_of_twenty_splits_and_find_most_answers():
    scores, labels = drawn()
    seen = []
    (trial,) = try_promises(
        *(scores, labels, np.arange(900) // 2, [QUESTION]),
        risk=0.1,
        splits=60,
        rng=np.random.default_rng(1),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (trial.question, trial.splits, seen) == (QUESTION, 60, [(1, 1)])
    assert trial.made - trial.kept <= 8  # 3 expected at most; P(more than 8 | 5 %) = 0.003
    assert trial.share < 0.1
    assert 0.5 < trial.found <= trial.reachable <= 1


def test_scores_that_know_nothing_make_no_promise():
    scores, labels = drawn(noise=50.0)
    (trial,) = try_promises(
        *(scores, labels, np.arange(900), [Exclusion(wanted=(), excluded=(EDEMA,))]),
        risk=0.05,
        splits=20,
        rng=np.random.default_rng(1),
    )
    assert trial.made - trial.kept <= 2
    assert trial.found < 0.1


def test_images_without_all_labels_cannot_be_tried():
    scores, labels = drawn(50)
    labels.states[3, 1] = UNKNOWN
    with pytest.raises(ValueError, match="labelled for every finding"):
        try_promises(scores, labels, np.arange(50), [QUESTION], risk=0.1, rng=np.random.default_rng(0))


def test_an_archive_tries_its_labelled_images_with_the_kinds_of_what_is_excluded(tmp_path):
    encoder = NoisyEncoder(noise=0.05)
    question = Exclusion(wanted=(EFFUSION,), excluded=("calcification",))
    with Archive.open(tmp_path / "a", create=True) as store:
        fill(store, encoder, truth(900), labelled=np.arange(900) < 800)
        how = {"space": "raw", "risk": 0.1, "splits": 20, "rng": np.random.default_rng(0)}
        (trial,) = try_promises_of_archive(store, encoder, [question], **how)
        assert trial.made - trial.kept <= 3
        assert trial.found > 0.9
        with pytest.raises(ArchiveError, match="no image of the archive is labelled for all of pleural_eff"):
            try_promises_of_archive(
                store, encoder, [Exclusion(wanted=(EFFUSION,), excluded=("hernia",))], **how
            )


@pytest.mark.slow
def test_on_fresh_phantoms_probabilities_are_calibrated_and_promises_hold(tmp_path):
    from medneg.calibration import calibrate_archive
    from medneg.encoders import load
    from medneg.ingest import ingest
    from medneg.phantom.writer import write

    write(tmp_path / "phantoms", studies=320, seed=90210, rows=256, workers=2)
    encoder = load("phantom")
    with Archive.open(tmp_path / "a", create=True) as store:
        ingest([tmp_path / "phantoms"], store, encoder, workers=2)
        report = calibrate_archive(store, encoder)
        known = [each for each in report.findings if each.finding in encoder.card.findings]
        assert np.mean([each.curve.error for each in known]) < 0.03
        questions = [
            Exclusion(wanted=(), excluded=(EFFUSION,)),
            Exclusion(wanted=(), excluded=("calcification",)),
            Exclusion(wanted=(), excluded=("support_device",)),
        ]
        trials = try_promises_of_archive(
            store, encoder, questions, space="raw", risk=0.05, splits=40, rng=np.random.default_rng(0)
        )
    for trial in trials:
        assert trial.made - trial.kept <= 6  # 2 expected at most; P(more than 6 | 5 %) = 0.003
    assert trials[0].found > 0.9
