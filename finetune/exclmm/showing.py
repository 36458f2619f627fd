"""Stage 1 for people: lines on a terminal, and a picture of dimensions."""

from __future__ import annotations

from collections.abc import Mapping

from finetune.embedded import Embedded
from finetune.exclmm.captions import shown
from finetune.exclmm.figure import Strip, draw_dimensions
from finetune.exclmm.inspection import Inspection, prompt
from medneg.encoders import Head
from medneg.evaluation.metrics import top
from medneg.evaluation.truth import related
from medneg.query.lexicon import lexicon
from medneg.scoring import TextTower

FOUND = 4
"""Images whose content the picture tells, as many as the paper shows."""


def tell(found: Inspection, words: Mapping[str, float]) -> list[str]:
    """What stage 1 has learnt, in lines."""
    lines = [
        f"stage 1 on {found.images} watched images, codes of {found.width} dimensions",
        f"  awake: {found.awake['images']:.1f} in images, {found.awake['prompts']:.1f} in prompts",
        f"  not rebuilt: {found.error['images']:.1%} of images' variance, "
        f"{found.error['prompts']:.1%} of prompts'",
        f"  zero-shot AUC {found.auc['codes']:.3f} in codes, {found.auc['embeddings']:.3f} in embeddings; "
        f"precision@10 {found.precision['codes']:.3f} and {found.precision['embeddings']:.3f}",
    ]
    if words:
        lines.append(
            f"  words: {words['awake']:.1f} dimensions awake, "
            f"{words['error']:.1%} of the vectors' variance not rebuilt"
        )
    lines.append(
        "  finding                     awake  owned  shared with another  awake in images with, with none"
    )
    for row in found.findings:
        lines.append(
            f"  {lexicon().finding(row.finding).name:<27} {row.awake:>5}  {row.owned:>5}  "
            f"{row.shared:>6.1f}  {row.in_images:>23.2f}, {row.elsewhere:>9.2f}"
        )
    return lines


def draw_pair(data: Embedded, head: Head, tower: TextTower) -> str:
    """The paper's figure 6 for the two findings that images show together most often.

    Args:
        data: images that are looked through.
        head: codes them.
        tower: reads the three queries.
    """
    a, b = _most_together(data)
    words = lexicon()
    pair = " and ".join(words.finding(one).prompt for one in (a, b))
    queries = {words.finding(one).prompt: prompt(one, tower) for one in (a, b)} | {
        pair: tower.card.template.format(pair)
    }
    codes = head.encode_texts(tower.encode_texts(list(queries.values())))
    images = head.encode_images(data.vectors)
    strips = [
        Strip(
            query=query,
            code=code,
            found=tuple(_content(data, int(row), (a, b)) for row in top(images @ code, FOUND)),
        )
        for query, code in zip(queries, codes, strict=True)
    ]
    return draw_dimensions(strips)


def _most_together(data: Embedded) -> tuple[str, str]:
    there = shown(data)
    pairs = [
        (int((there[:, i] & there[:, j]).sum()), a, b)
        for i, a in enumerate(data.concepts)
        for j, b in enumerate(data.concepts[:i])
        if a in data.truth.findings and b in data.truth.findings and not related(a, b)
    ]
    _, a, b = max(pairs)
    return a, b


def _content(data: Embedded, row: int, findings: tuple[str, str]) -> str:
    """Which of two findings an image shows."""
    words = [lexicon().finding(one).prompt for one in findings if data.truth.shows(one)[row]]
    return " + ".join(words) or "neither"
