"""The paper's figure 6, drawn: which dimensions two findings and their conjunction keep awake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy import float32
from numpy.typing import NDArray

WIDTH, LEFT, ROW, TOP = 900, 20, 92, 56
BOTH, FIRST, SECOND, REST = "#c8102e", "#0072b2", "#009e73", "#b8b8b8"
"""Awake in all three, shared with the first query, with the second, and any other: the paper's colours."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strip:
    """A query with its code.

    Attributes:
        query: its words.
        code: shape (d,).
        found: what the first images in its ranking show, best first, in words.
    """

    query: str
    code: NDArray[float32]
    found: tuple[str, ...]


def draw_dimensions(strips: Sequence[Strip], share: float = 0.1) -> str:
    """Draw the greatest dimensions of "A", "B" and "A and B" above each other, one SVG document.

    Args:
        strips: of the three queries in this order, codes of one length d.
        share: of d that is drawn at most: the paper's top 10 %.
    """
    sets = [greatest(strip.code, share) for strip in strips]
    parts = [
        f'<text x="{LEFT}" y="22" font-weight="bold">Dimensions that are awake in the codes of three queries'
        f"</text>",
        *_key(),
    ]
    for place, strip in enumerate(strips):
        parts += _strip(place, strip, sets)
    height = TOP + ROW * len(strips) + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{height}" fill="white"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def greatest(code: NDArray[float32], share: float) -> frozenset[int]:
    """The places of a code's greatest numbers, those above 0, at most a share of all.

    Example:
        >>> sorted(greatest(np.float32([0.1, 0.0, 0.9, 0.3]), 0.5))
        [2, 3]
    """
    count = max(1, round(share * len(code)))
    return frozenset(int(place) for place in np.argsort(-code)[:count] if code[place] > 0)


def colour(place: int, sets: Sequence[frozenset[int]]) -> str:
    """The colour of a dimension, by whose greatest ones it is among."""
    first, second, both = (place in each for each in sets)
    if first and second and both:
        return BOTH
    if both and first:
        return FIRST
    return SECOND if both and second else REST


def _strip(place: int, strip: Strip, sets: Sequence[frozenset[int]]) -> list[str]:
    top = TOP + ROW * place
    scale = (WIDTH - 2 * LEFT) / len(strip.code)
    tallest = float(strip.code.max())
    parts = [
        f'<text x="{LEFT}" y="{top + 14}" font-weight="bold">“{escape(strip.query)}”</text>',
        f'<text x="{WIDTH - LEFT}" y="{top + 14}" text-anchor="end" fill="#555">finds: '
        f"{escape('; '.join(strip.found))}</text>",
        f'<line x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{top + 70}" y2="{top + 70}" stroke="#888"/>',
    ]
    for dimension in sorted(sets[place]):
        height = 48 * float(strip.code[dimension]) / tallest
        box = f'x="{LEFT + dimension * scale:.1f}" y="{top + 70 - height:.1f}" width="{max(scale, 1.5):.1f}"'
        parts.append(
            f'<rect {box} height="{height:.1f}" fill="{colour(dimension, sets)}">'
            f"<title>dimension {dimension}</title></rect>"
        )
    return parts


def _key() -> list[str]:
    named = (
        (BOTH, "awake in all three"),
        (FIRST, "in the first and the third"),
        (SECOND, "in the second and the third"),
        (REST, "any other"),
    )
    parts = []
    for place, (fill, words) in enumerate(named):
        x = LEFT + 200 * place
        parts.append(f'<rect x="{x}" y="34" width="10" height="10" fill="{fill}"/>')
        parts.append(f'<text x="{x + 14}" y="43">{words}</text>')
    return parts
