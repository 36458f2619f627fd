"""NegBench's two tasks through every method: retrieval with negated captions, and multiple choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import float32, float64
from numpy.random import Generator
from numpy.typing import NDArray

from medneg import __version__
from medneg.errors import CalibrationMissing
from medneg.evaluation import metrics
from medneg.evaluation.asking import remember
from medneg.evaluation.crossfit import unsupervised
from medneg.evaluation.gallery import BASE, Fold, Gallery, Model, Way
from medneg.evaluation.intervals import Figure, mean_interval, median_interval
from medneg.evaluation.negbench import Table, read_caption
from medneg.evaluation.photographs import embed
from medneg.evaluation.projections import Projections
from medneg.evaluation.questions import RememberingTower
from medneg.evaluation.report import without_nan
from medneg.evaluation.truth import Truth
from medneg.evaluation.wordings import Parse
from medneg.scoring import METHODS
from medneg.values import Query

if TYPE_CHECKING:
    from medneg.encoders import Encoder

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One method: "recall@1", …, "rank" (medR) for retrieval; "accuracy", in all and by group, for choice."""

    method: str
    space: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedReport:
    """What a published benchmark gave.

    Attributes:
        encoder, licence, notice: whose embeddings were ranked.
        table: the file's name.
        task: "retrieval" or "choice".
        pictures, questions: how many.
        parse: "real" or "gold".
        left_out: method, space and the reason why they were not measured.
    """

    encoder: str
    licence: str
    notice: str
    table: str
    task: str
    pictures: int
    questions: int
    parse: str
    seed: int
    version: str
    rows: tuple[PublishedRow, ...]
    left_out: tuple[tuple[str, str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is not defined is None."""
        return {"schema_version": 1, **asdict(self, dict_factory=without_nan)}


def run_table(
    table: Table,
    folder: Path,
    encoder: Encoder,
    *,
    how: Parse = "real",
    seed: int = 0,
    progress: Progress | None = None,
) -> PublishedReport:
    """Run a table of NegBench through every method that needs no labels.

    Choices are measured in the raw space alone: a caption without negation is scored there whatever the
    space, and the options of a question must be comparable.

    Args:
        table: what is asked.
        folder: where its pictures are.
        encoder: sees and reads.
        how: "real" reads captions with the parser, "gold" takes the table's objects.
        seed: of the intervals.
        progress: called with (done, total) pictures.

    Raises:
        UnreadableImage: if a picture is missing or cannot be read.
        QueryError: if gold readings are asked for and the table has none.
    """
    queries = [[read_caption(caption, how) for caption in item.captions] for item in table.items]
    images = embed(table.images, folder, encoder, progress=progress)
    gallery = _gallery(images, encoder)
    remember(gallery, [query for some in queries for query in some])
    ask = _choices if table.choice else _ranks
    rows, left_out = [], []
    for way in _ways(table.choice):
        try:
            values = ask(table, gallery, queries, way)
        except CalibrationMissing as missing:
            left_out.append((way.method, way.space, missing.what))
            continue
        rng = np.random.default_rng(seed)
        figures = {name: _figure(name, found, rng) for name, found in values.items()}
        rows.append(PublishedRow(method=way.method, space=way.space, figures=figures))
    return PublishedReport(
        encoder=encoder.card.name,
        licence=encoder.card.licence,
        notice=encoder.card.notice,
        table=table.path.name,
        task="choice" if table.choice else "retrieval",
        pictures=len(images),
        questions=len(table.items) if table.choice else sum(map(len, queries)),
        parse=how,
        seed=seed,
        version=__version__,
        rows=tuple(rows),
        left_out=tuple(left_out),
    )


def _gallery(images: NDArray[float32], encoder: Encoder) -> Gallery:
    """The pictures, of which no label is known."""
    nothing = np.zeros((len(images), 0), bool)
    whole = Fold(rows=np.arange(len(images)), calibration=unsupervised(images, encoder))
    return Gallery(
        projections=Projections(images),
        truth=Truth.from_labels(nothing, ()),
        models={BASE: Model(tower=RememberingTower(encoder), folds=(whole,))},
    )


def _ways(choice: bool) -> Iterator[Way]:
    for name in METHODS:
        yield Way(name, "raw")
        if not choice:
            yield Way(name, "centred")


def _ranks(
    table: Table, gallery: Gallery, queries: Sequence[Sequence[Query]], way: Way
) -> dict[str, NDArray[float64]]:
    """Rank of the one right picture of every caption, and whether it is among the first k."""
    place = {image: row for row, image in enumerate(table.images)}
    ranks = []
    for item, asked in zip(table.items, queries, strict=True):
        for query in asked:
            best = metrics.order(gallery.score(query, way))
            ranks.append(float(metrics.first_rank(best == place[item.image])))
    found = np.array(ranks)
    return {**{f"recall@{k}": (found <= k).astype(float64) for k in (1, 5, 10)}, "rank": found}


def _choices(
    table: Table, gallery: Gallery, queries: Sequence[Sequence[Query]], way: Way
) -> dict[str, NDArray[float64]]:
    """Whether the right option scores highest; of m options that tie for it, the right one counts 1/m."""
    place = {image: row for row, image in enumerate(table.images)}
    right = []
    for item, asked in zip(table.items, queries, strict=True):
        scores = np.array([gallery.score(query, way)[place[item.image]] for query in asked])
        winners = scores == scores.max()
        right.append(float(winners[item.correct] / winners.sum()))
    found = np.array(right)
    groups = np.array([item.group for item in table.items])
    named = sorted({group for group in groups.tolist() if group})
    return {"accuracy": found, **{group: found[groups == group] for group in named}}


def _figure(name: str, values: NDArray[float64], rng: Generator) -> Figure:
    return median_interval(values, rng) if name == "rank" else mean_interval(values, rng)
