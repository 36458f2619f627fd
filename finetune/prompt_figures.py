"""What the CON2 paper measures of a text tower: accuracy of its prompts, their cosines and clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.evaluation.metrics import precision_at_k
from medneg.evaluation.wordings import con2_prompts
from medneg.query.lexicon import lexicon

Encode = Callable[[Sequence[str]], NDArray[float32]]
K = 10


def prompts_about(finding: str) -> dict[str, list[str]]:
    """The 99 prompts about a finding, by group."""
    words = lexicon().finding(finding).prompt
    return {group: [carrier.format(x=words) for carrier in lines] for group, lines in con2_prompts().items()}


def top_accuracy(
    encode: Encode, finding: str, images: NDArray[float32], there: NDArray[np.bool_]
) -> dict[str, float]:
    """Share of the ten nearest images that a prompt describes, mean over a group's prompts.

    Args:
        images: unit rows, (n, d), half of which show the finding.
        there: whether they do, (n,).
    """
    found = {}
    for group, texts in prompts_about(finding).items():
        right = there if group.endswith("positive") else ~there
        scores = encode(texts) @ images.T
        found[group] = float(np.mean([precision_at_k(row, right, K) for row in scores]))
    return found


def text_geometry(encode: Encode, finding: str) -> dict[str, float]:
    """Mean cosine between positive and negative prompts, and how well the two kinds cluster apart."""
    rows = {group: encode(texts) for group, texts in prompts_about(finding).items()}
    positive = np.concatenate([rows[group] for group in rows if group.endswith("positive")])
    negative = np.concatenate([rows[group] for group in rows if group.endswith("negative")])
    kinds = np.repeat([True, False], [len(positive), len(negative)])
    return {
        "text cosine": float((positive @ negative.T).mean()),
        "silhouette": silhouette(np.concatenate([positive, negative]), kinds),
    }


def silhouette(rows: NDArray[float32], kinds: NDArray[np.bool_]) -> float:
    """Mean silhouette (Rousseeuw 1987, equation 2) of two clusters by cosine distance.

    Args:
        rows: unit rows, (n, d).
        kinds: which cluster each is in, (n,); at least two rows in each.
    """
    apart = 1.0 - rows.astype(np.float64) @ rows.T
    same = kinds[:, None] == kinds[None, :]
    inside = np.where(same, apart, 0.0).sum(1) / (same.sum(1) - 1)
    outside = np.where(same, 0.0, apart).sum(1) / (~same).sum(1)
    return float(np.mean((outside - inside) / np.maximum(inside, outside)))
