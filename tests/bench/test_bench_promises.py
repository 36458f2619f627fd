"""Do promises hold, and are the probabilities right? The figures of docs/explanation/promises.md.

``MEDNEG_ARCHIVE=TRIED MEDNEG_LEARNED=OTHER python -m pytest -m bench -s tests/bench/test_bench_promises.py``
"""

import itertools
import os
from contextlib import ExitStack

import numpy as np
import pytest
from scipy.stats import binomtest

from medneg import encoders
from medneg.archive import Archive
from medneg.calibration import Exclusion, calibrate_archive, calibration_error, try_promises_of_archive
from medneg.chances import chance_plan, log_odds
from medneg.compiling import expansion
from medneg.labels import PRESENT, read_labels
from medneg.query import lexicon

RISK, SEED, DRAWN = 0.05, 0, 16
CHOSEN = (
    Exclusion(wanted=("pleural_effusion",), excluded=("calcification",)),
    Exclusion(wanted=("pulmonary_edema",), excluded=("support_device",)),
    Exclusion(wanted=(), excluded=("pleural_effusion",)),
    Exclusion(wanted=("pleural_effusion",), excluded=("lung_mass", "pneumothorax")),
)

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(
        "MEDNEG_ARCHIVE" not in os.environ, reason="set MEDNEG_ARCHIVE to a labelled archive of phantoms"
    ),
]


@pytest.fixture(scope="module")
def encoder():
    return encoders.load("phantom")


def test_a_promise_of_5_percent_is_broken_in_fewer_than_5_percent_of_splits(encoder, capsys):
    rng = np.random.default_rng(SEED)
    pairs = list(itertools.permutations(encoder.card.findings, 2))
    drawn = [pairs[place] for place in rng.choice(len(pairs), DRAWN, replace=False)]
    questions = (*CHOSEN, *(Exclusion(wanted=(a,), excluded=(b,)) for a, b in drawn))
    with Archive.open(os.environ["MEDNEG_ARCHIVE"]) as archive:
        trials = try_promises_of_archive(archive, encoder, questions, space="raw", risk=RISK, rng=rng)
    broken = sum(trial.made - trial.kept for trial in trials)
    splits = sum(trial.splits for trial in trials)
    with capsys.disabled():
        print("\n| wanted | excluded | made | broken | carriers | found | reachable |")
        for trial in trials:
            wanted, excluded = (named(part) for part in (trial.question.wanted, trial.question.excluded))
            shares = f"{trial.share:.1%} | {trial.found:.0%} | {trial.reachable:.0%}"
            print(f"| {wanted} | {excluded} | {trial.made} | {trial.made - trial.kept} | {shares} |")
        print(f"{broken} broken of {sum(trial.made for trial in trials)} made in {splits} splits")
        report_worst(trials)
        found, reachable = (np.mean([getattr(t, name) for t in trials]) for name in ("found", "reachable"))
        print(f"found {found:.0%}, reachable {reachable:.0%}")
    assert broken <= RISK * splits


@pytest.mark.skipif("MEDNEG_LEARNED" not in os.environ, reason="set MEDNEG_LEARNED to another such archive")
def test_curves_of_one_archive_are_right_on_another(encoder, capsys):
    with ExitStack() as stack:
        tried = stack.enter_context(Archive.open(os.environ["MEDNEG_ARCHIVE"]))
        learned = stack.enter_context(Archive.open(os.environ["MEDNEG_LEARNED"]))
        report = calibrate_archive(learned, encoder)
        curves = learned.calibration(encoder.card).calibration
        matrix = tried.matrix(encoder.card.image_fingerprint)
        labels = read_labels(tried, matrix.ids, encoder.card.findings)
        truth = labels.states == PRESENT
        for space in ("raw", "centred"):
            plan = chance_plan(
                encoder.card.findings, encoder, curves, space=space, expand=expansion(encoder.card)
            )
            odds = log_odds(plan, matrix)
            errors = {
                finding: calibration_error(1 / (1 + np.exp(-odds[finding])), truth[:, column])
                for column, finding in enumerate(encoder.card.findings)
            }
            isotonic = [each.isotonic_error for each in report.findings if each.space == space]
            with capsys.disabled():
                worst, mean = max(errors, key=errors.get), np.mean(list(errors.values()))
                print(f"\n{space}: mean {mean:.4f}, most {errors[worst]:.3f} ({worst})")
                print(f"isotonic on held-out patients of the other, mean {np.nanmean(isotonic):.4f}")
            assert np.mean(list(errors.values())) <= 0.02


def report_worst(trials):
    worst = min(trials, key=lambda trial: trial.kept - trial.made)
    for trial in (worst, trials[0]):
        kept = trial.splits - trial.made + trial.kept
        low, high = binomtest(kept, trial.splits).proportion_ci(method="wilson")
        asked = f"{named(trial.question.wanted)} but no {named(trial.question.excluded)}"
        print(f"{asked}: kept or refused {kept}/{trial.splits} [{low:.1%}, {high:.1%}]")


def named(findings):
    return " or ".join(lexicon().finding(each).name for each in findings) or "(nothing)"
