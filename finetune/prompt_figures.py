"""What the CON2 paper measures of a text tower: accuracy of its prompts, their cosines and clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.diagnostics.attribution import attribute, towards
from medneg.encoders.dual import DualEncoder
from medneg.evaluation.metrics import precision_at_k
from medneg.evaluation.wordings import con2_prompts
from medneg.query.lexicon import lexicon

Encode = Callable[[Sequence[str]], NDArray[float32]]
K = 10
APART = 5
"""Attribution takes half a second a prompt, so not all are asked."""


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


def cue_share(encoder: DualEncoder, finding: str, shown: NDArray[float32]) -> float:
    """Share of the negation's words in what the words of a negative prompt add, mean over some prompts.

    Integrated gradients of the similarity to images that show the finding; a word's part is its score without
    its sign. Every ``APART``-th negative prompt is asked, and those that cannot be shared out are left out.

    Args:
        encoder: base or tuned.
        shown: embeddings of images that show the finding, (m, d).
    """
    asked = [
        text
        for group, texts in prompts_about(finding).items()
        if group.endswith("negative")
        for text in texts
    ]
    parts = attribute(encoder, asked[::APART], towards(shown))
    shares = [one.share("cue") for one in parts if one.complete and any(w.role == "cue" for w in one.words)]
    return float(np.mean(shares)) if shares else float("nan")


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
