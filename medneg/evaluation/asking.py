"""How to ask, and whom: the gallery with every model that is measured on it, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg import __version__
from medneg.encoders import head_for
from medneg.evaluation.crossfit import CROSSED, cross_fit, unsupervised
from medneg.evaluation.gallery import BASE, Fold, Gallery, Model, Way, ways_of
from medneg.evaluation.projections import Projections
from medneg.evaluation.questions import RememberingTower
from medneg.evaluation.report import About, ModelCard
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import Parse
from medneg.scoring import METHODS
from medneg.search import DEFAULT_METHOD, DEFAULT_SPACE
from medneg.values import Query

if TYPE_CHECKING:
    from medneg.encoders import Head
    from medneg.scoring import TextTower


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How to ask, and whom beside the encoder.

    Attributes:
        parse: "real", or "gold" to leave the parser's errors out.
        seed: of questions, pools and resampling.
        methods: names in ``medneg.scoring.METHODS``, asked of every model in both spaces; None asks all of
            the encoder, and plain cosine and the default of the models beside it.
        truth: where the labels come from, in words.
        beside: text towers tuned on the same image embeddings, by the name of their rows.
        heads: heads behind the same image tower, by the name of their rows; the shipped one that fits is
            the encoder's own.
    """

    parse: Parse = "real"
    seed: int = 0
    methods: tuple[str, ...] | None = None
    truth: str = "given labels"
    beside: Mapping[str, TextTower] = field(default_factory=dict)
    heads: Mapping[str, Head] = field(default_factory=dict)


def open_gallery(
    images: NDArray[float32],
    truth: Truth,
    tower: TextTower,
    *,
    setup: Setup,
    folds: tuple[Fold, ...] | None = None,
) -> Gallery:
    """A gallery ready to be asked, in the encoder's name and in those of the models beside it.

    Args:
        images: unit embeddings, shape (n, d).
        truth: of the same pictures.
        tower: the encoder's own text tower.
        setup: whom to ask beside it, and by which methods.
        folds: the encoder's calibrations from elsewhere; None fits them here, on other patients than are
            scored. Those of the models beside it are always fitted here.
    """
    own = RememberingTower(tower)
    known = folds or fit(images, truth, tower, setup)
    models = {BASE: Model(tower=own, folds=known, head=head_for(tower.card))}
    for name, other in setup.beside.items():
        fitted = fit(images, truth, other, setup, model=name)
        models[name] = Model(tower=RememberingTower(other), folds=fitted)
    models |= {name: Model(tower=own, folds=known, head=head) for name, head in setup.heads.items()}
    codes = {
        model.head.code_fingerprint: model.head.encode_images(images)
        for model in models.values()
        if model.head is not None
    }
    return Gallery(projections=Projections(images, codes), truth=truth, models=models)


def fit(
    images: NDArray[float32], truth: Truth, tower: TextTower, setup: Setup, *, model: str = BASE
) -> tuple[Fold, ...]:
    """What the methods need to know: curves of other patients, where one of them needs curves."""
    if _need_curves(ways_of(model, setup.methods, head=False)):
        return cross_fit(images, truth, tower)
    return (Fold(rows=np.arange(len(truth)), calibration=unsupervised(images, tower)),)


def remember(gallery: Gallery, queries: Sequence[Query]) -> None:
    """Encode the texts that belong to one question each, as the methods will ask for them."""
    for model in gallery.models.values():
        template = model.tower.card.template
        opposites = (template.format(text) for query in queries for text in query.counterfactuals)
        model.tower.remember(list(dict.fromkeys((*(query.sentence for query in queries), *opposites))))


def about(gallery: Gallery, setup: Setup, folds: tuple[Fold, ...] | None) -> About:
    """What every report opens with."""
    card = gallery.models[BASE].tower.card
    fitted = CROSSED if _need_curves(ways_of(BASE, setup.methods, head=False)) else "nowhere: none is needed"
    return About(
        encoder=card.name,
        licence=card.licence,
        notice=card.notice,
        models=tuple(_card(name, model) for name, model in gallery.models.items()),
        pictures=len(gallery.truth),
        patients=len(np.unique(gallery.truth.patients)),
        truth=setup.truth,
        parse=setup.parse,
        curves="another archive" if folds else fitted,
        seed=setup.seed,
        version=__version__,
        default=(DEFAULT_METHOD, DEFAULT_SPACE),
    )


def _card(name: str, model: Model) -> ModelCard:
    """Who a model is: its tower, or the head behind it."""
    tower = model.tower.card
    if name == BASE or model.head is None:
        return ModelCard(model=name, encoder=tower.name, licence=tower.licence, notice=tower.notice)
    head = model.head.card
    return ModelCard(
        model=name, encoder=f"{tower.name}+{head.name}", licence=head.licence, notice=head.notice
    )


def _need_curves(ways: Sequence[Way]) -> bool:
    return any(METHODS[way.method].needs_curves for way in ways if way.method in METHODS)
