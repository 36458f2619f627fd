"""The best that CLIPGlasses could do without its leak: a perfect lens, a perfect frame."""

from __future__ import annotations

import os

import numpy as np
import pytest

from medneg import encoders
from medneg.archive import Archive
from medneg.evaluation import metrics
from medneg.evaluation.archives import labelled_gallery
from medneg.evaluation.exclusionbench import exclusionbench
from medneg.evaluation.intervals import mean_interval
from medneg.query import lexicon

WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.841)
"""The frame's range: GELU of a sigmoid ends at .841."""


@pytest.mark.bench
@pytest.mark.skipif("MEDNEG_ARCHIVE" not in os.environ, reason="set MEDNEG_ARCHIVE to a labelled archive")
def test_choosing_the_weight_by_the_answer_does_not_help_clipglasses(capsys):
    """Precision and violation among ten on "A but no B", natural wordings, gallery and hard pools."""
    encoder = encoders.load("phantom")
    with Archive.open(os.environ["MEDNEG_ARCHIVE"]) as store:
        images, truth = labelled_gallery(store, encoder, "manifest")
    rng = np.random.default_rng(0)
    asked = [
        one
        for one in exclusionbench(truth, how="gold", rng=rng)
        if (one.kind, one.wording) == ("exclusion", "natural")
    ]
    denied = [lexicon().finding(one.asked.unwanted[0]).prompt for one in asked]
    sentences = encoder.encode_texts([one.query.raw for one in asked]) @ images.T
    lens = encoder.encode_texts([f"This image shows a {prompt}." for prompt in denied]) @ images.T
    for place in ("gallery", "hard pool"):
        found = np.array(
            [
                [_figures(sentence - weight * np.maximum(seen, 0), one, place) for weight in WEIGHTS]
                for sentence, seen, one in zip(sentences, lens, asked, strict=True)
                if place == "gallery" or len(one.pools)
            ]
        )  # q w 2
        chosen = found[np.arange(len(found)), found[:, :, 0].argmax(axis=1)]
        with capsys.disabled():
            for name, values in (("largest weight", found[:, -1]), ("chosen by the answer", chosen)):
                right, wrong = (mean_interval(column, rng) for column in values.T)
                print(f"\n{place}, {name}: right {right}, shows B {wrong}, n = {right.n}", end="")
        assert chosen[:, 0].mean() - found[:, -1, 0].mean() < 0.01


def _figures(scores, question, place):
    pools = question.rows[None] if place == "gallery" else question.pools
    best = np.take_along_axis(pools, metrics.top(scores[pools], 10), axis=1)
    return [metrics.precision(flags[best], 10).mean() for flags in (question.relevant, question.excluded)]
