"""What the author of a query should know of its reading by an encoder."""

from __future__ import annotations

from collections.abc import Sequence

from medneg.scoring.mixtures import Phrase, cosine
from medneg.scoring.spread import Spread
from medneg.values import Mention, Query, QueryWarning

CORRELATED = 0.95
"""Correlation of two texts' scores over the archive from which on excluding one pushes the other away.

Measured: docs/explanation/one-plan.md, "When an encoder cannot tell two findings apart".
"""

ALIKE = {"raw": 0.95, "centred": 0.80}
"""Text cosines that stand in for it where the archive's scores are not known.

Centred, precision begins to fall there (same measurement). Raw cosines depend on how crowded the texts are:
.95 is where medical text towers put *effusion* and *no effusion*.
"""


def contradicts(mention: Mention, query: Query) -> bool:
    """Whether an unwanted mention is also wanted, with the same modifiers."""
    meant = (mention.finding or mention.text.lower(), mention.modifiers)
    return meant in {(other.finding or other.text.lower(), other.modifiers) for other in query.affirmed}


def contradictions(query: Query) -> tuple[QueryWarning, ...]:
    """A warning for each mention that is wanted and unwanted at once."""
    if any(warning.code == "contradiction" for warning in query.warnings):
        return ()  # the parser has said so
    return tuple(
        QueryWarning(
            code="contradiction",
            message=f"The query both asks for and excludes “{mention.text}”; it is not excluded.",
            span=mention.span,
        )
        for mention in query.negated
        if contradicts(mention, query)
    )


def confusions(
    wanted: Sequence[Phrase], unwanted: Sequence[Phrase], *, spread: Spread | None, space: str, encoder: str
) -> tuple[QueryWarning, ...]:
    """A warning for each wanted and unwanted phrase that are nearly one for the encoder.

    Args:
        wanted, unwanted: in the plan's space.
        spread: of the archive's scores; without it the texts' cosine has to do.
        space: of the phrases.
        encoder: its name, for the message.
    """
    found = []
    for one in wanted:
        for other in unwanted:
            evidence = _alike(one, other, spread, space)
            if one.mention is not None and evidence:
                message = (
                    f"The encoder {encoder} can hardly tell “{one.label}” from "
                    f"“{other.label.removeprefix('not ')}” ({evidence}): "
                    f"excluding the one pushes the other away too."
                )
                found.append(QueryWarning(code="inseparable", message=message, span=one.mention.span))
    return tuple(found)


def _alike(one: Phrase, other: Phrase, spread: Spread | None, space: str) -> str | None:
    """Why two phrases count as one, in words; None where they don't."""
    if spread is not None:
        together = spread.correlation(one.vector, other.vector)
        words = f"their scores over this archive have correlation {together:.2f}"
        return words if together >= CORRELATED else None
    together = cosine({one: 1.0}, {other: 1.0})
    return f"their texts have cosine {together:.2f}" if together >= ALIKE[space] else None
