"""A text tower that knows some sentences by heart, with the queries, images and measurements of its tests."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medneg.scoring import ANCHOR, METHODS, NORMAL, Calibration, Curve, Kind, compile_plan
from medneg.scoring.paired import TEMPLATES
from medneg.scoring.plan import score
from medneg.values import EncoderCard, InputSpec, Mention, Query

FINDINGS = ("effusion", "edema", "calcification", "granuloma")
PHRASES = (*FINDINGS, "effusion and calcification", "effusion and granuloma", NORMAL, "dry pleura")
towers = itertools.count()
HEADLESS = [name for name, each in METHODS.items() if not each.needs_head]
"""ExclMM has tests of its own: it works in the codes of a head."""
STRENGTHS = {"strong": (0.90, 0.30), "moderate": (0.92, 0.20), "weak": (0.94, 0.10)}
SPREADS = pytest.mark.parametrize("spread", [0.1, 0.3, 0.7, 2.0], ids="spread={}".format)


def unit(vector):
    return vector / np.linalg.norm(vector)


class TableTower:
    """A text tower that knows some sentences by heart."""

    def __init__(self, *, spread=0.5, width=8, template="a film with {}", seed=0):
        draw = np.random.default_rng(seed)
        common = unit(draw.standard_normal(width))
        sentences = [form.format(text) for text in PHRASES for form in (template, *TEMPLATES)]
        sentences += ["effusion but no calcification", "the sentence", "edema", ANCHOR]
        self.table = {
            text: unit(common + spread * unit(draw.standard_normal(width))).astype(np.float32)
            for text in dict.fromkeys(sentences)
        }
        self.calls = []
        self.card = EncoderCard(
            name="table",
            width=width,
            input=InputSpec(size=1),
            image_fingerprint="image",
            text_fingerprint=f"table {spread} {width} {template} {seed} {next(towers)}",
            licence="Apache-2.0",
            notice="",
            template=template,
        )

    def encode_texts(self, texts):
        self.calls.append(tuple(texts))
        return np.stack([self.table[text] for text in texts])

    def __getitem__(self, phrase):
        return self.table[self.card.template.format(phrase)].astype(np.float64)


def wanted(text, **more):
    return Mention(text=text, polarity="affirmed", finding=text, **more)


def excluded(text, strength="strong", **more):
    return Mention(text=text, polarity="negated", strength=strength, finding=text, **more)


def measured(images, mean_text=None):
    """What a calibration would know of an archive of these images, with a curve for every finding."""
    mean = images.mean(axis=0)
    centred = images - mean
    centred = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    rows = {"raw": images.astype(float), "centred": centred.astype(float)}
    curves = {
        text: Curve(slope=3.0 + k, intercept=-1.0 + k / 2, present=9, absent=9, error=0.0)
        for k, text in enumerate(FINDINGS)
    }
    return Calibration(
        mean_text=np.zeros(images.shape[1], np.float32) if mean_text is None else mean_text,
        mean_image=mean,
        covariance={space: np.cov(x.T, bias=True).astype(np.float32) for space, x in rows.items()},
        curves={"raw": curves, "centred": curves},
    )


def kinds(*texts):
    """An expansion of every unwanted mention to these."""
    return lambda mention: tuple(
        Kind(text=text, finding=text)
        for text in ((mention.text, *texts) if mention.polarity == "negated" else (mention.text,))
    )


def families(**children):
    """An expansion of every mention to itself and these kinds of it."""
    return lambda mention: tuple(
        Kind(text=text, finding=text) for text in (mention.text, *children.get(mention.text, ()))
    )


def query(affirmed=("effusion",), negated=("calcification",), strength="strong", raw="the sentence"):
    return Query(
        raw=raw,
        affirmed=tuple(map(wanted, affirmed)),
        negated=tuple(excluded(text, strength) for text in negated),
        counterfactuals=tuple(f"effusion and {text}" for text in negated),
    )


def images(rows=30, width=8, seed=5):
    vectors = np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def plan_of(asked, name, tower, *, space="raw", calibration=None, **more):
    """A plan with a calibration of the images in hand, unless another one is given."""
    known = calibration or measured(images())
    return compile_plan(asked, name, tower=tower, calibration=known, space=space, **more)


def scores(asked, name, tower, calibration=None, **more):
    space = "raw" if calibration is None else "centred"
    return score(plan_of(asked, name, tower, space=space, calibration=calibration, **more), images())
