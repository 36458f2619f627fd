"""Calibrating an encoder on labelled embeddings: directions, projections, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from numpy import float32, int64
from numpy.typing import NDArray

from medneg.calibration.curves import fit
from medneg.chances import finding_mention
from medneg.compiling import expansion
from medneg.labels import ABSENT, PRESENT, Labels
from medneg.query import lexicon
from medneg.scoring import Calibration, Curve, SpaceName, TextTower
from medneg.scoring.findings import finding_direction
from medneg.scoring.plan import enter
from medneg.values import EncoderCard, Space

SPACES: tuple[SpaceName, ...] = get_args(SpaceName)
KINDS = ("finding", "device")


def known_findings(card: EncoderCard) -> tuple[str, ...]:
    """The findings that an encoder knows: those of its card, or all findings and devices of the lexicon."""
    if card.findings is not None:
        return card.findings
    return tuple(finding.id for finding in lexicon().findings if finding.kind in KINDS)


def directions(
    findings: Sequence[str], tower: TextTower, means: Calibration
) -> dict[SpaceName, NDArray[float32]]:
    """The findings' own directions by space, shape (findings, d)."""
    expand = expansion(tower.card)
    centres: dict[SpaceName, Calibration | None] = {"raw": None, "centred": means}
    return {
        space: np.stack(
            [
                finding_direction(finding_mention(finding), tower=tower, centre=centre, expand=expand)
                for finding in findings
            ]
        )
        for space, centre in centres.items()
    }


def spaces(card: EncoderCard, means: Calibration) -> dict[SpaceName, Space]:
    """The raw space of an encoder and the one centred on the mean image."""
    raw = Space(image_fingerprint=card.image_fingerprint)
    return {"raw": raw, "centred": Space(image_fingerprint=card.image_fingerprint, mean=means.mean_image)}


def fit_curves(
    images: NDArray[float32],
    labels: Labels,
    patients: NDArray[int64],
    *,
    tower: TextTower,
    means: Calibration,
) -> Mapping[SpaceName, Mapping[str, Curve]]:
    """Curves of all findings that have enough labels, by space and finding.

    Args:
        images: unit embeddings as stored, shape (n, d).
        labels: of the same n images.
        patients: whose they are, shape (n,); folds never split a patient.
        tower: belongs to the embeddings.
        means: where the centred space lies.
    """
    found: dict[SpaceName, dict[str, Curve]] = {}
    places = spaces(tower.card, means)
    for space, towards in directions(labels.findings, tower, means).items():
        scores = enter(images, places[space]) @ towards.T.astype(np.float64)  # n f
        found[space] = {}
        for column, finding in enumerate(labels.findings):
            states = labels.states[:, column]
            told = (states == PRESENT) | (states == ABSENT)
            fitted = fit(scores[told, column], states[told] == PRESENT, patients[told])
            if fitted is not None:
                found[space][finding] = fitted.curve
    return found
