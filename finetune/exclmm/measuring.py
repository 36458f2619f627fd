"""How well heads and towers answer "A but no B": the ablation's figures, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
from numpy import float32
from numpy.random import default_rng
from numpy.typing import NDArray

from finetune.embedded import Embedded
from finetune.exclmm.stages import CodingHead
from medneg.compiling import make_plan
from medneg.evaluation import metrics
from medneg.evaluation.exclusionbench import exclusionbench
from medneg.evaluation.intervals import Figure, mean_interval
from medneg.evaluation.projections import Projections
from medneg.evaluation.questions import Question
from medneg.evaluation.wordings import Wording
from medneg.scoring import TextTower
from medneg.values import Linear, Plan

K = 10
KINDS = ("exclusion", "two-excluded")
"""ExclusionBench's kinds that are asked: "A but no B", and "A but neither B nor C"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One kind of question in one wording.

    Attributes:
        precision, violation: shares of the first ten that answer, and that show what is excluded, in the
            gallery as it is.
        pool_precision, pool_violation: the same in hard pools, where by chance a quarter answers and a half
            shows it.
    """

    precision: Figure
    violation: Figure
    pool_precision: Figure
    pool_violation: Figure

    def __str__(self) -> str:
        gallery = f"{self.precision} shows B {self.violation}"
        return f"{gallery}; hard pool {self.pool_precision} shows B {self.pool_violation}"

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        return asdict(self)


def exclusions(data: Embedded, *, seed: int) -> tuple[Question, ...]:
    """ExclusionBench's exclusions that a gallery can answer, read by the parser."""
    asked = exclusionbench(data.truth, how="real", rng=default_rng(seed))
    return tuple(question for question in asked if question.kind in KINDS)


class Gallery:
    """Images that are asked about, in the embeddings and in any head's codes.

    Args:
        data: the images.
        questions: about them.
    """

    def __init__(self, data: Embedded, questions: Sequence[Question]) -> None:
        self._vectors, self.questions = data.vectors, questions
        self._plain = Projections(data.vectors)

    def ask(
        self, tower: TextTower, method: str, head: CodingHead | None = None, *, seed: int = 0
    ) -> dict[str, Answered]:
        """Ask all questions; figures by kind and wording.

        Args:
            tower: reads the questions.
            method: a name in ``medneg.scoring.METHODS``.
            head: for methods that need one.
            seed: of the intervals.
        """
        images = self._vectors if head is None else head.encode_images(self._vectors)
        rows: dict[str, list[tuple[float, ...]]] = {}
        for question in self.questions:
            plan = make_plan(question.query, tower, None, method=method, space="raw", head=head)
            found = _figures(question, self._scores(plan, images))
            rows.setdefault(f"{question.kind}, {question.wording}", []).append(found)
        return {name: _answered(np.array(found), seed) for name, found in rows.items()}

    def _scores(self, plan: Plan, images: NDArray[float32]) -> NDArray[np.float64]:
        """Scores of all images; of a plan that is linear, as those in codes are, by one product."""
        weights = [term.response.weight for term in plan.terms if isinstance(term.response, Linear)]
        if len(weights) < len(plan.terms):
            return self._plain.score(plan)
        towards = np.array(weights) @ np.stack([term.direction for term in plan.terms]).astype(np.float64)
        return np.asarray(images @ towards.astype(float32), np.float64)


def _figures(question: Question, scores: NDArray[np.float64]) -> tuple[float, ...]:
    pools = question.pools
    best = [
        question.rows[metrics.top(scores[question.rows], K)],
        *(p[metrics.top(scores[p], K)] for p in pools),
    ]
    right, wrong = (
        [float(flags[rows].mean()) for rows in best] for flags in (question.relevant, question.excluded)
    )
    hard = [float(np.mean(shares[1:])) if len(pools) else float("nan") for shares in (right, wrong)]
    return right[0], wrong[0], *hard


def _answered(rows: NDArray[np.float64], seed: int) -> Answered:
    figures = [mean_interval(column, default_rng(seed)) for column in rows.T]
    return Answered(
        precision=figures[0], violation=figures[1], pool_precision=figures[2], pool_violation=figures[3]
    )


def headline(answers: Mapping[str, Answered]) -> dict[str, Answered]:
    """Only "A but no B", by wording; nothing where the gallery answers no such question."""
    named = {wording: f"exclusion, {wording}" for wording in get_args(Wording)}
    return {wording: answers[name] for wording, name in named.items() if name in answers}
