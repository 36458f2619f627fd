"""What is recorded of findings in an archive's images, as arrays: manifests first, then reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy import int8, int64
from numpy.typing import NDArray

from medneg.query import lexicon
from medneg.values import FindingState

if TYPE_CHECKING:
    from medneg.archive import Archive

UNKNOWN, ABSENT, UNCERTAIN, PRESENT = range(4)
"""Codes of a state. Of a finding and its kinds the greatest speaks."""

CODES: dict[FindingState, int] = {"absent": ABSENT, "uncertain": UNCERTAIN, "present": PRESENT}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """States of findings in images.

    Attributes:
        findings: lexicon ids of the columns.
        states: codes, shape (n, findings).
        reported: whether a state comes from a report, bool, shape (n, findings).
    """

    findings: tuple[str, ...]
    states: NDArray[int8]
    reported: NDArray[np.bool_]


def read_labels(archive: Archive, ids: NDArray[int64], findings: Sequence[str]) -> Labels:
    """Look up what is recorded of some findings, their kin speaking for them as in ``Lexicon.state``.

    What a manifest says of an image counts; a report is asked only where no manifest speaks of the finding.

    Args:
        archive: holds the labels.
        ids: of the images, ascending, shape (n,).
        findings: lexicon ids.
    """
    words = lexicon()
    kinds = {finding: (finding, *words.descendants(finding)) for finding in findings}
    above = {finding: words.ancestors(finding) for finding in findings}
    columns = {
        name: column for column, name in enumerate({*sum(kinds.values(), ()), *sum(above.values(), ())})
    }
    by_source = {}
    for source, images in archive.labels(list(columns)).items():
        codes = _codes(images, ids, columns)
        parts = []
        for finding in findings:
            own = codes[:, [columns[kind] for kind in kinds[finding]]].max(axis=1)
            denied = (codes[:, [columns[name] for name in above[finding]]] == ABSENT).any(axis=1)
            parts.append(np.maximum(own, np.where(denied, ABSENT, UNKNOWN)))
        by_source[source] = np.stack(parts, axis=1).astype(int8) if parts else codes[:, :0]
    silent = by_source["manifest"] == UNKNOWN
    states = np.where(silent, by_source["report"], by_source["manifest"])
    return Labels(findings=tuple(findings), states=states, reported=silent & (by_source["report"] != UNKNOWN))


def _codes(
    images: Mapping[int, Mapping[str, FindingState]], ids: NDArray[int64], columns: Mapping[str, int]
) -> NDArray[int8]:
    """Codes of the recorded states, shape (n, columns), aligned to ``ids``."""
    codes = np.zeros((len(ids), len(columns)), int8)
    known = np.fromiter(images, int64, len(images))
    for row, image in zip(np.searchsorted(ids, known).tolist(), known.tolist(), strict=True):
        if row < len(ids) and ids[row] == image:
            for finding, state in images[image].items():
                codes[row, columns[finding]] = CODES[state]
    return codes
