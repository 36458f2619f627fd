"""Do promises hold? Hide the labels of half the patients, make the promise, and look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy import float64, int8, int64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg.calibration.curves import platt
from medneg.calibration.fitting import directions, spaces
from medneg.chances import kinds_of, parts_of
from medneg.compiling import calibrate
from medneg.errors import ArchiveError
from medneg.labels import ABSENT, PRESENT, UNKNOWN, Labels, read_labels
from medneg.promises import candidates, joint_states, largest_safe
from medneg.scoring import SpaceName
from medneg.scoring.plan import enter

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.encoders import Encoder

SPLITS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A question in findings: what is wanted, and what no hit should show."""

    wanted: tuple[str, ...]
    excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one question's promises.

    Attributes:
        question: what was asked.
        splits: how often half of the patients were drawn to be labelled.
        made: how often a promise was made; in the others it was refused.
        kept: how often at most the promised share of the unlabelled images that remained carried it.
        share: mean share of carriers among the unlabelled images that remained.
        found: mean share of the unlabelled right answers (all that is wanted, nothing of what is not) that
            remained; a refusal counts as none.
        reachable: the same for who knew all labels and went down the same order as far as the promise allows.
    """

    question: Exclusion
    splits: int
    made: int
    kept: int
    share: float
    found: float
    reachable: float


def try_promises(
    scores: NDArray[np.floating],
    labels: Labels,
    patients: NDArray[int64],
    questions: Sequence[Exclusion],
    *,
    risk: float,
    splits: int = SPLITS,
    rng: Generator,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Trial, ...]:
    """Make promises from the labels of half of the patients, and count the other half.

    Curves, order and cut see the labelled half only, as in an archive where the rest has no labels.

    Args:
        scores: projections x·a of each finding, shape (n, findings).
        labels: of the same images and findings; each present or absent.
        patients: whose the images are, shape (n,).
        questions: in findings of the labels.
        risk: what is promised.
        splits: random halves for each question.
        rng: draws them.
        progress: called with (done, total) questions.

    Raises:
        ValueError: if an image lacks a label.
    """
    if not np.isin(labels.states, (PRESENT, ABSENT)).all():
        raise ValueError("promises are tried on images that are labelled for every finding")
    halves = [_half(patients, rng) for _ in range(splits)]
    odds_by_half = [_odds(scores, labels, half) for half in halves]
    trials = []
    for done, question in enumerate(questions, start=1):
        outcomes = [
            _outcome(odds, labels, patients, question, half, risk)
            for half, odds in zip(halves, odds_by_half, strict=True)
        ]
        trials.append(_trial(question, np.array(outcomes), risk))
        if progress is not None:
            progress(done, len(questions))
    return tuple(trials)


def try_promises_of_archive(
    archive: Archive,
    encoder: Encoder,
    questions: Sequence[Exclusion],
    *,
    space: SpaceName,
    risk: float,
    rng: Generator,
    splits: int = SPLITS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Trial, ...]:
    """``try_promises`` on those images of an archive whose labels know every finding of the questions.

    Raises:
        ArchiveError: if there are no such images.
    """
    card = encoder.card
    asked = [finding for each in questions for finding in (*each.wanted, *each.excluded)]
    kinds = [kind for each in questions for finding in each.excluded for kind in kinds_of(finding)]
    known = [kind for kind in kinds if card.findings is None or kind in card.findings]
    matrix = archive.matrix(card.image_fingerprint)
    labels = read_labels(archive, matrix.ids, tuple(dict.fromkeys((*asked, *known))))
    rows = np.flatnonzero(np.isin(labels.states, (PRESENT, ABSENT)).all(axis=1))
    if len(rows) == 0:
        raise ArchiveError(f"no image of the archive is labelled for all of {', '.join(labels.findings)}")
    means = calibrate(encoder, matrix.mean)
    images = enter(
        archive.vectors(card.image_fingerprint, matrix.ids[rows].tolist()), spaces(card, means)[space]
    )
    return try_promises(
        images @ directions(labels.findings, encoder, means)[space].T.astype(float64),
        Labels(findings=labels.findings, states=labels.states[rows], reported=labels.reported[rows]),
        archive.patients(matrix.ids[rows]),
        questions,
        risk=risk,
        splits=splits,
        rng=rng,
        progress=progress,
    )


def _half(patients: NDArray[int64], rng: Generator) -> NDArray[np.bool_]:
    people, whose = np.unique(patients, return_inverse=True)
    return np.asarray(rng.permutation(len(people))[whose] < len(people) // 2)


def _odds(
    scores: NDArray[np.floating], labels: Labels, half: NDArray[np.bool_]
) -> dict[str, NDArray[float64]]:
    """Log-odds of each finding in all images, by curves that were fitted on the labelled half."""
    found = {}
    for column, finding in enumerate(labels.findings):
        slope, intercept = platt(scores[half, column], labels.states[half, column] == PRESENT)
        found[finding] = slope * scores[:, column].astype(float64) + intercept
    return found


def _outcome(
    odds: Mapping[str, NDArray[float64]],
    labels: Labels,
    patients: NDArray[int64],
    question: Exclusion,
    half: NDArray[np.bool_],
    risk: float,
) -> tuple[float, float, float]:
    """Share of carriers among unlabelled images that remained (NaN: refused), found and reachable share."""
    wanted, excluded = (
        labels.states[:, [labels.findings.index(finding) for finding in findings]]
        for findings in (question.wanted, question.excluded)
    )
    truth = joint_states(excluded)
    told = np.where(half, truth, UNKNOWN).astype(int8)
    parts = [odds[part] for finding in question.excluded for part in parts_of(finding, odds)]
    rows = candidates([odds[each] for each in question.wanted], parts, told, np.ones(len(half), bool))
    cut = largest_safe(told[rows], patients[rows], risk=risk)
    unseen = rows[~half[rows]]
    carriers = np.cumsum(truth[unseen] == PRESENT)
    within = np.flatnonzero(carriers <= risk * np.arange(1, len(unseen) + 1))
    best = unseen[: within[-1] + 1] if len(within) else unseen[:0]
    shown = rows[:cut][~half[rows[:cut]]]
    share = float((truth[shown] == PRESENT).mean()) if len(shown) else (float("nan") if cut == 0 else 0.0)
    right = (wanted == PRESENT).all(axis=1) & (truth == ABSENT) & ~half
    answers = max(int(right.sum()), 1)
    return share, float(right[shown].sum()) / answers, float(right[best].sum()) / answers


def _trial(question: Exclusion, outcomes: NDArray[float64], risk: float) -> Trial:
    made = ~np.isnan(outcomes[:, 0])
    return Trial(
        question=question,
        splits=len(outcomes),
        made=int(made.sum()),
        kept=int((outcomes[made, 0] <= risk).sum()),
        share=float(outcomes[made, 0].mean()) if made.any() else float("nan"),
        found=float(outcomes[:, 1].mean()),
        reachable=float(outcomes[:, 2].mean()),
    )
