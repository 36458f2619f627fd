"""What is recorded of findings in an archive's images, as arrays: manifests first, then reports."""

from __future__ import annotations

from collections.abc import Sequence
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
"""Codes of a state. Of a finding and its kinds the greatest speaks, as in ``Lexicon.state``."""

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
    """Look up what is recorded of some findings, their kinds speaking for them, as in ``Lexicon.state``.

    What a manifest says of an image counts; a report is asked only where no manifest speaks of the finding.

    Args:
        archive: holds the labels.
        ids: of the images, ascending, shape (n,).
        findings: lexicon ids.
    """
    kinds = {finding: (finding, *lexicon().descendants(finding)) for finding in findings}
    above = {finding: lexicon().ancestors(finding) for finding in findings}
    kin = sum((*kinds.values(), *above.values()), ())
    columns = {kind: column for column, kind in enumerate(dict.fromkeys(kin))}
    found = archive.labels(list(columns))
    by_source = {}
    for source, images in found.items():
        codes = np.zeros((len(ids), len(columns)), int8)
        known = np.fromiter(images, int64, len(images))
        rows = np.searchsorted(ids, known)
        for row, image in zip(rows.tolist(), known.tolist(), strict=True):
            if row < len(ids) and ids[row] == image:
                for kind, state in images[image].items():
                    codes[row, columns[kind]] = CODES[state]
        denied = np.where(codes == ABSENT, codes, UNKNOWN).astype(int8)
        parts = [
            np.maximum(
                codes[:, [columns[kind] for kind in kinds[finding]]].max(axis=1),
                denied[:, [columns[one] for one in above[finding]]].max(axis=1, initial=UNKNOWN),
            )
            for finding in findings
        ]
        by_source[source] = np.stack(parts, axis=1) if parts else codes[:, :0]
    silent = by_source["manifest"] == UNKNOWN
    states = np.where(silent, by_source["report"], by_source["manifest"])
    return Labels(findings=tuple(findings), states=states, reported=silent & (by_source["report"] != UNKNOWN))
