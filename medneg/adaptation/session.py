"""A session: a text tower that learns from the queries it is asked, and forgets when it is told to.

Whoever makes a session holds all that it learns. Nothing is kept in a module or in the encoder, so two
sessions, or a session and a search without one, never meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray

from medneg.adaptation.following import Follower, Neat, Proxies, Tcr
from medneg.adaptation.tower import Part, SessionTower, State, adapted
from medneg.errors import UnknownName
from medneg.values import Query

if TYPE_CHECKING:
    from torch import Tensor

    from medneg.encoders import Encoder

How = Literal["reex", "tcr", "neat"]
Optimiser = Literal["adamw", "sgd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a session learns.

    Attributes:
        part: of the text tower: one offset of all query vectors, or the gains and offsets of its layer norms.
        rate: the optimiser's learning rate.
        optimiser: "adamw" steps as far however little there is to learn; "sgd" does not.
        decay: the optimiser's weight decay.
        steps: updates for each batch of queries.
        farthest: how far the state may move from where it began, as an L2 norm; further out it is drawn back.
        batch: how many queries are learned from at a time, in a stream.
    """

    part: Part
    rate: float
    optimiser: Optimiser = "adamw"
    decay: float = 0.0
    steps: int = 3
    farthest: float = float("inf")
    batch: int = 64


RECIPES: dict[How, Recipe] = {
    "reex": Recipe(part="vector", rate=1.0, optimiser="sgd", farthest=0.25),
    "tcr": Recipe(part="norms", rate=3e-4, decay=1e-4),
    "neat": Recipe(part="norms", rate=2e-4, decay=1e-3),
}
"""ReEx's as docs/explanation/reex.md chose it; TCR's and NEAT's as their code has them, for CLIP."""

CANDIDATES = 2000
"""Images that a session compares queries with, at most: what it holds does not grow with the archive."""


class Session:
    """A text tower that follows a stream of queries.

    Args:
        encoder: is not changed, whatever the session learns.
        images: unit embeddings of the gallery, shape (n, d); of more than ``CANDIDATES`` a sample is kept.
        how: "reex", or one of the baselines "tcr" and "neat".
        recipe: None for the one in ``RECIPES``.
        seed: of the sample and of the exclusion sets.

    Raises:
        UnknownName: if there is no such way to learn.
        EncoderError: if the text tower has no layer norms and the recipe asks for them.
        ValueError: if there are no images of the encoder's width.
    """

    def __init__(
        self,
        encoder: Encoder,
        images: NDArray[float32],
        *,
        how: How = "reex",
        recipe: Recipe | None = None,
        seed: int = 0,
    ) -> None:
        if how not in get_args(How):
            raise UnknownName("way to adapt", how, known=get_args(How))
        if images.ndim != 2 or images.shape[1] != encoder.card.width or not len(images):
            raise ValueError(
                f"a session needs image embeddings of shape (n, {encoder.card.width}); got {images.shape}"
            )
        self.card = encoder.card
        self.recipe = recipe or RECIPES[how]
        self._how, self._seed = how, seed
        drawn = np.sort(np.random.default_rng(seed).permutation(len(images))[:CANDIDATES])
        self._images = torch.from_numpy(np.ascontiguousarray(images[drawn], float32))
        self._adapted = adapted(encoder, self.recipe.part)
        self.reset()

    def reset(self) -> None:
        """Forget everything that was learned."""
        self.learned = 0
        self._state: State = tuple(tensor.clone().requires_grad_() for tensor in self._adapted.start)
        self._answering: State = self._adapted.start
        self._optimiser = torch.optim.AdamW(self._state, lr=self.recipe.rate, weight_decay=self.recipe.decay)
        self._follower = self._new_follower()

    @property
    def tower(self) -> SessionTower:
        """The text tower as it answers now; it stays as it is when the session learns on."""
        return SessionTower(self.card, self._adapted, self._answering)

    def learn(self, queries: Sequence[Query]) -> SessionTower:
        """Learn from a batch of queries and give the tower that answers them.

        Args:
            queries: a batch; TCR and NEAT compare them with each other, and learn nothing from one alone.
        """
        told = self._follower.read(queries, self.card.template)
        enough = len(queries) >= self._follower.least
        for step in range(self.recipe.steps if enough else 0):
            self._answering = tuple(tensor.detach().clone() for tensor in self._state)
            loss = self._follower.loss(told, self._encode, self._images, step)
            self._update(loss)
        if self._follower.answers_last and enough:
            self._answering = tuple(tensor.detach().clone() for tensor in self._state)
        self.learned += len(queries)
        return self.tower

    def _encode(self, texts: Sequence[str]) -> Tensor:
        return self._adapted.encode(texts, self._state)

    def _update(self, loss: Tensor) -> None:
        gradients = torch.autograd.grad(loss, self._state)
        for tensor, gradient in zip(self._state, gradients, strict=True):
            tensor.grad = gradient
        self._optimiser.step()
        self._stay_near()

    @torch.no_grad()
    def _stay_near(self) -> None:
        moved = [one - start for one, start in zip(self._state, self._adapted.start, strict=True)]
        far = float(torch.sqrt(sum(((each * each).sum() for each in moved), torch.zeros(()))))
        if far > self.recipe.farthest:
            for tensor, start, way in zip(self._state, self._adapted.start, moved, strict=True):
                tensor.copy_(start + way * (self.recipe.farthest / far))

    def _new_follower(self) -> Follower:
        if self._how == "tcr":
            return Tcr(keep=self.recipe.batch)
        return Neat() if self._how == "neat" else Proxies(seed=self._seed)
