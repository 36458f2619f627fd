"""The two stages of ExclMM: what is learnt from what, in which steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy import float32
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from finetune.embedded import Embedded
from finetune.exclmm.captions import Captions, Quadruple, shown
from finetune.exclmm.learning import Learning, Progress
from finetune.exclmm.losses import contrast, reconstruction, triplet
from finetune.exclmm.model import BiEncoderDecoder, ExclusionEncoder, Form, masked
from finetune.exclmm.recipe import Recipe
from medneg.compiling import expansion
from medneg.scoring import ExclusionHead, TextTower
from medneg.scoring.mixtures import Phrase
from medneg.scoring.reading import Setting, read
from medneg.values import Mention, Query

Codes = NDArray[float32]


class CodingHead(ExclusionHead, Protocol):
    """A head that codes images too."""

    def encode_images(self, embeddings: NDArray[float32]) -> NDArray[float32]:
        """Codes (n, d) of image embeddings (n, k)."""
        ...


def learn_codes(
    data: Embedded,
    captions: Captions,
    texts: Codes,
    chosen: NDArray[np.bool_] | None,
    *,
    recipe: Recipe,
    file: Path,
    progress: Progress | None = None,
) -> BiEncoderDecoder:
    """Stage 1, step 3: L = L_rec(text) + L_rec(image) + L_contrast, eq. 6 to 13.

    Args:
        data: n images.
        captions: c sentences about them.
        texts: the captions' embeddings, shape (c, k).
        chosen: dimensions that each caption's code chooses, bool (c, d); None for no caption mask.
        recipe: says how long, and at what temperature.
        file: of the training's state.
        progress: called with (done, total) steps.
    """
    torch.manual_seed(recipe.seed)
    images, read_texts = torch.from_numpy(data.vectors), torch.from_numpy(texts)
    mask = None if chosen is None else torch.from_numpy(chosen)
    claims, concepts = torch.from_numpy(captions.claims), torch.from_numpy(shown(data))
    first = np.searchsorted(captions.rows, np.arange(len(data) + 1))  # captions of one image stand together
    module = BiEncoderDecoder(images.shape[1], recipe.width)
    size = min(recipe.batch, len(data))

    def loss(rng: Generator) -> Tensor:
        rows = rng.choice(len(data), size, replace=False)
        told = rng.integers(first[rows], first[rows + 1])
        raw_i, rebuilt_i = module(images[rows], "image")
        raw_c, rebuilt_c = module(read_texts[told], "text")
        words = None if mask is None else mask[told]
        fits = answers_of(claims[told], concepts[rows]) if recipe.aware else None
        pulled = contrast(
            masked(raw_c, recipe.kept, words),
            masked(raw_i, recipe.kept, words),
            temperature=recipe.temperature,
            fits=fits,
        )
        return pulled + reconstruction(rebuilt_c, read_texts[told]) + reconstruction(rebuilt_i, images[rows])

    steps = recipe.epochs * max(1, len(data) // size)
    learning = Learning(
        file, module, loss, steps=steps, rate=recipe.rate, decay=recipe.decay, seed=recipe.seed
    )
    learning.run(progress=progress)
    return module


def answers_of(claims: Tensor, concepts: Tensor) -> Tensor:
    """Whether image b shows all that sentence a claims, bool (a, b); both are bool over the concepts."""
    lacking = claims.float() @ (~concepts).float().T
    return lacking == 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lessons:
    """What stage 2 learns from: q quadruples in the space of the codes.

    Attributes:
        images: codes of all images, shape (n, d).
        positive, exclusion: what the encoder hears of either query, (wanted, unwanted), shape (q, d) each;
            the paper's form hears the sentence's code and 0.
        shown: row of each positive image, shape (q,).
        answers: for each exclusion query the rows of the images that answer it.
        fits: the same as bool (q, n).
    """

    images: Codes
    positive: tuple[Codes, Codes]
    exclusion: tuple[Codes, Codes]
    shown: NDArray[np.int64]
    answers: tuple[NDArray[np.int64], ...]
    fits: NDArray[np.bool_]


def lessons(
    data: Embedded,
    quadruples: Sequence[Quadruple],
    codes: Codes,
    head: ExclusionHead,
    tower: TextTower,
    form: Form,
) -> Lessons:
    """Put quadruples into codes, as a search will.

    Args:
        data: n images.
        quadruples: q of them.
        codes: of the images, shape (n, d).
        head: makes the codes of texts.
        tower: reads queries and phrases.
        form: what the encoder is to hear.
    """
    fits = np.zeros((len(quadruples), len(data)), bool)
    for row, each in enumerate(quadruples):
        fits[row, each.answers] = True
    if form == "sentence":
        positive, exclusion = (
            head.encode_texts(tower.encode_texts([getattr(each, kind) for each in quadruples]))
            for kind in ("positive", "exclusion")
        )
        heard = [(part, np.zeros_like(part)) for part in (positive, exclusion)]
    else:
        heard = [
            hear([query_of(each, denied=denied) for each in quadruples], head, tower)
            for denied in (False, True)
        ]
    return Lessons(
        images=codes,
        positive=heard[0],
        exclusion=heard[1],
        shown=np.array([each.image for each in quadruples]),
        answers=tuple(each.answers for each in quadruples),
        fits=fits,
    )


def query_of(quadruple: Quadruple, *, denied: bool) -> Query:
    """A quadruple's query as a parser would read it: the exclusion query, or the positive one."""
    concepts = (*quadruple.wanted, *quadruple.unwanted)
    split = len(quadruple.wanted) if denied else len(concepts)
    mentions = list(zip(quadruple.called, concepts, strict=True))
    excluded = mentions[split:]
    return Query(
        raw=quadruple.exclusion if denied else quadruple.positive,
        affirmed=tuple(Mention(text=text, polarity="affirmed", finding=it) for text, it in mentions[:split]),
        negated=tuple(
            Mention(text=text, polarity="negated", strength="strong", finding=it) for text, it in excluded
        ),
        counterfactuals=tuple(quadruple.positive for _ in excluded),
    )


def hear(queries: Sequence[Query], head: ExclusionHead, tower: TextTower) -> tuple[Codes, Codes]:
    """The two clauses of queries, as the method ``exclmm`` gives them to its head; shape (q, d) each."""
    setting = Setting(tower=tower, calibration=None, space="raw", expand=expansion(tower.card))
    wanted, unwanted = [], []
    for query in queries:
        phrases = read(query, setting, ("wanted", "unwanted")).phrases
        sums = _code(phrases["wanted"], head).sum(axis=0)
        wanted.append(sums / np.linalg.norm(sums))
        shares = np.array([phrase.share for phrase in phrases["unwanted"]], float32)
        against = shares @ _code(phrases["unwanted"], head) if len(shares) else np.zeros_like(sums)
        unwanted.append(against)
    return np.stack(wanted).astype(float32), np.stack(unwanted).astype(float32)


def _code(phrases: Sequence[Phrase], head: ExclusionHead) -> Codes:
    rows = [phrase.vector for phrase in phrases]
    return head.encode_texts(np.stack(rows).astype(float32))


def learn_exclusion(
    given: Lessons, form: Form, *, recipe: Recipe, file: Path, progress: Progress | None = None
) -> ExclusionEncoder:
    """Stage 2: L = λ₁ L_c + λ₂ L_t, eq. 14 to 17."""
    torch.manual_seed(recipe.seed)
    images, fits = torch.from_numpy(given.images), given.fits
    positive, exclusion = (tuple(map(torch.from_numpy, part)) for part in (given.positive, given.exclusion))
    module = ExclusionEncoder(images.shape[1], form)
    size = min(recipe.exclusion_batch, len(fits))

    def loss(rng: Generator) -> Tensor:
        rows = rng.choice(len(fits), size, replace=False)
        right = np.array([given.answers[row][rng.integers(len(given.answers[row]))] for row in rows])
        refined = module(*(part[rows] for part in exclusion))
        shown_images = images[given.shown[rows]]
        every = np.concatenate([right, given.shown[rows]]) if recipe.hard else right
        total = torch.zeros(())
        if recipe.contrast:
            total = total + recipe.contrast * contrast(
                refined,
                images[right],
                temperature=recipe.exclusion_temperature,
                fits=torch.from_numpy(fits[np.ix_(rows, every)]) if recipe.aware else None,
                more=shown_images if recipe.hard else None,
            )
        if recipe.triplet:
            asked = module(*(part[rows] for part in positive))
            total = total + recipe.triplet * triplet(asked, refined, shown_images, margin=recipe.margin)
        return total

    learning = Learning(
        file,
        module,
        loss,
        steps=recipe.exclusion_steps,
        rate=recipe.exclusion_rate,
        decay=recipe.decay,
        seed=recipe.seed,
    )
    learning.run(progress=progress)
    return module
