"""Ranked images as hits: with their paths, what every term said of them, and probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from medneg.scoring.plan import contributions
from medneg.values import Contribution, EncoderCard, Hit, Mention, Plan, Query, QueryWarning, Term

if TYPE_CHECKING:
    from medneg.archive import Archive, ImageRow
    from medneg.archive.ranking import Ranking


def explained_hits(
    archive: Archive, query: Query, plan: Plan, ranking: Ranking, chances: Plan | None
) -> tuple[tuple[Hit, ...], tuple[ImageRow, ...]]:
    """The ranked images as hits, and what the archive knows of them, in their order.

    Args:
        archive: that was searched.
        query: that was asked.
        plan: that ranked.
        ranking: best first.
        chances: ``chance_plan`` of the query's findings; None if nothing is known of them.
    """
    images = archive.images(ranking.ids.tolist())
    known = _probabilities(archive, query, ranking, chances)
    hits = tuple(
        Hit(
            rank=rank,
            image_id=image.id,
            image=image.path,
            score=float(score),
            terms=tuple(
                Contribution(
                    label=term.label,
                    value=float(value),
                    mention=term.mention,
                    probability=_of_term(term, query, known[rank - 1]),
                )
                for term, value in zip(plan.terms, parts, strict=True)
            ),
        )
        for rank, (image, score, parts) in enumerate(
            zip(images, ranking.scores, ranking.contributions, strict=True), start=1
        )
    )
    return hits, images


def unfit(card: EncoderCard, images: Sequence[ImageRow]) -> tuple[QueryWarning, ...]:
    """A doubt about the embedded encoder, whatever its text tower, on anything but phantoms."""
    base = card.name.partition("+")[0]  # a tuned text tower puts its name behind its base's
    fit = base != "phantom" or all(image.phantom for image in images)
    return () if fit else (QueryWarning(code="not_a_phantom", message=card.notice),)


def hit_to_json(hit: Hit) -> dict[str, Any]:
    """A hit as plain values."""
    terms = [
        {
            "label": term.label,
            "value": term.value,
            "mention": term.mention and term.mention.text,
            "polarity": term.mention and term.mention.polarity,
            "probability": term.probability,
        }
        for term in hit.terms
    ]
    return {"rank": hit.rank, "image": hit.image, "score": hit.score, "terms": terms}


def _probabilities(
    archive: Archive, query: Query, ranking: Ranking, chances: Plan | None
) -> list[dict[Mention, float]]:
    """For each hit the probability of the mentions that are a finding with a curve, whole and unqualified."""
    if chances is None:
        return [{} for _ in ranking.ids]
    columns = {term.label: column for column, term in enumerate(chances.terms)}
    known = {
        mention: columns[mention.finding]
        for mention in query.affirmed + query.negated
        if mention.finding in columns and not mention.modifiers
    }
    vectors = archive.vectors(chances.space.image_fingerprint, ranking.ids.tolist())
    table = np.exp(contributions(chances, vectors))
    return [{mention: float(row[column]) for mention, column in known.items()} for row in table]


def _of_term(term: Term, query: Query, known: Mapping[Mention, float]) -> float | None:
    """The probability of a term's mention; a whole sentence has that of its only mention."""
    asked = query.affirmed + query.negated
    mention = term.mention or (asked[0] if len(asked) == 1 else None)
    return None if mention is None else known.get(mention)
