"""What stage 1 has learnt: how sparse, how faithful, how good to search in, and whose dimension is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray

from finetune.embedded import Embedded
from finetune.exclmm.captions import shown
from finetune.exclmm.model import BiEncoderDecoder, Side
from medneg.encoders import Head
from medneg.evaluation.metrics import auc, precision_at_k
from medneg.query.lexicon import lexicon
from medneg.scoring import TextTower

K = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A finding's dimensions.

    Attributes:
        finding: its lexicon id.
        awake: dimensions of its prompt's code above 0.
        owned: of these, those that are awake in no other finding's code.
        shared: mean number of them that another finding's code has too.
        in_images: of the awake ones, the mean share that is awake in images that show it.
        elsewhere: the same in images that show none of the findings.
    """

    finding: str
    awake: int
    owned: int
    shared: float
    in_images: float
    elsewhere: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Stage 1 on images that it did not learn from.

    Attributes:
        images: how many.
        width: d.
        awake: mean number of dimensions above 0 in the codes of images and of prompts.
        error: share of the variance that the decoders cannot rebuild, of images and of prompts.
        auc: mean over findings of the zero-shot AUC, in codes and in embeddings.
        precision: mean over findings of precision@10, likewise.
        findings: whose dimension is whose.
    """

    images: int
    width: int
    awake: Mapping[str, float]
    error: Mapping[str, float]
    auc: Mapping[str, float]
    precision: Mapping[str, float]
    findings: tuple[Owned, ...]

    def to_json(self) -> dict[str, Any]:
        """The inspection as plain values."""
        return asdict(self)


def inspect(data: Embedded, module: BiEncoderDecoder, head: Head, tower: TextTower) -> Inspection:
    """Look at stage 1.

    Args:
        data: images that were not learnt from.
        module: stage 1, with its decoders.
        head: the same, as searches use it.
        tower: reads the findings' prompts.
    """
    findings = [finding for finding in data.concepts if finding in data.truth.findings]
    texts = tower.encode_texts([prompt(finding, tower) for finding in findings])
    images, prompts = head.encode_images(data.vectors), head.encode_texts(texts)
    there = shown(data)[:, [data.concepts.index(finding) for finding in findings]]
    spaces = {"codes": images @ prompts.T, "embeddings": data.vectors @ texts.T}
    return Inspection(
        images=len(data),
        width=head.width,
        awake={"images": _awake(images), "prompts": _awake(prompts)},
        error={"images": _error(module, data.vectors, "image"), "prompts": _error(module, texts, "text")},
        auc={space: _mean_auc(scores, there) for space, scores in spaces.items()},
        precision={space: _mean_precision(scores, there) for space, scores in spaces.items()},
        findings=owners(findings, prompts, images, there),
    )


def prompt(finding: str, tower: TextTower) -> str:
    """A finding in the tower's sentence."""
    return tower.card.template.format(lexicon().finding(finding).prompt)


def owners(
    findings: Sequence[str], prompts: NDArray[float32], images: NDArray[float32], there: NDArray[np.bool_]
) -> tuple[Owned, ...]:
    """Which dimensions belong to which finding.

    Args:
        findings: f lexicon ids.
        prompts: codes of their prompts, shape (f, d).
        images: codes of images, shape (n, d).
        there: bool (n, f), what they show.
    """
    awake, lit = prompts > 0, images > 0
    nothing = ~there.any(axis=1)
    rows = []
    for place, finding in enumerate(findings):
        others = np.delete(awake, place, axis=0)
        own = awake[place]
        rows.append(
            Owned(
                finding=finding,
                awake=int(own.sum()),
                owned=int((own & ~others.any(axis=0)).sum()),
                shared=float((own & others).sum(axis=1).mean()) if len(others) else 0.0,
                in_images=_lit(lit[there[:, place]], own),
                elsewhere=_lit(lit[nothing], own),
            )
        )
    return tuple(rows)


def _lit(images: NDArray[np.bool_], own: NDArray[np.bool_]) -> float:
    return float(images[:, own].mean()) if len(images) and own.any() else float("nan")


def _awake(codes: NDArray[float32]) -> float:
    return float((codes > 0).sum(axis=1).mean())


@torch.no_grad()
def _error(module: BiEncoderDecoder, rows: NDArray[float32], side: Side) -> float:
    _, rebuilt = module(torch.from_numpy(rows), side)
    left = np.square(rebuilt.numpy() - rows).sum()
    return float(left / np.square(rows - rows.mean(axis=0)).sum())


def _mean_auc(scores: NDArray[float32], there: NDArray[np.bool_]) -> float:
    return float(np.nanmean([auc(column, truth) for column, truth in zip(scores.T, there.T, strict=True)]))


def _mean_precision(scores: NDArray[float32], there: NDArray[np.bool_]) -> float:
    return float(np.mean([precision_at_k(s, t, K) for s, t in zip(scores.T, there.T, strict=True)]))
