"""The course of a training as one SVG picture: a figure of quality per line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, KEY = 900, 420, 50, 30, 40, 210
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933",
    "#882255", "#44aa99", "#aa4499", "#117733", "#332288", "#ddaa33", "#88ccee",
)  # fmt: skip


def draw_curve(
    rows: Sequence[Mapping[str, Any]],
    *,
    kind: str = "zero_shot",
    title: str = "AUC on validation pictures, over pictures shown",
    lowest: float = 0.4,
) -> str:
    """Draw a figure over pictures shown, one line per name, the mean in black.

    Args:
        rows: of ``metrics.jsonl``; "presentations" and a mapping of names to figures under ``kind``.
        kind: "zero_shot" or "cells" of a pretraining.
        title: what is drawn.
        lowest: where the axis begins; it ends at 1.

    Returns:
        A whole SVG document.

    Raises:
        ValueError: if there is no row to draw.
    """
    if not rows:
        raise ValueError("a curve needs at least one measurement; the training has made none yet")
    end = max(int(row["presentations"]) for row in rows)
    named = {name: [(int(row["presentations"]), row[kind][name]) for row in rows] for name in rows[-1][kind]}
    parts = [
        *_axes(end, title, lowest),
        *(
            line
            for i, (name, points) in enumerate(named.items())
            for line in _series(name, i, points, end, lowest)
        ),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *parts, "</svg>", ""])


def _axes(end: int, title: str, lowest: float) -> list[str]:
    right = WIDTH - KEY
    lines = []
    for tenth in range(round(lowest * 10), 11):
        value = tenth / 10
        y = _y(value, lowest)
        lines.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.1f}</text>')
    for quarter in range(5):
        shown = end * quarter // 4
        x = _x(shown, end)
        label = f"{shown / 1000:.0f}k"
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
    lines.append(f'<text x="{LEFT}" y="18">{escape(title)}</text>')
    return lines


def _series(name: str, index: int, points: Sequence[tuple[int, float]], end: int, lowest: float) -> list[str]:
    colour = "black" if name == "mean" else COLOURS[(index - 1) % len(COLOURS)]
    line = " ".join(f"{_x(shown, end):.1f},{_y(value, lowest):.1f}" for shown, value in points)
    y = TOP + 10 + 22 * index
    width = 2.5 if name == "mean" else 1.2
    return [
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="{width}"/>',
        f'<rect x="{WIDTH - KEY + 14}" y="{y - 8}" width="14" height="4" fill="{colour}"/>',
        f'<text x="{WIDTH - KEY + 34}" y="{y}">{escape(name.replace("_", " "))} {points[-1][1]:.3f}</text>',
    ]


def _x(shown: int, end: int) -> float:
    return LEFT + (WIDTH - KEY - LEFT) * shown / max(end, 1)


def _y(value: float, lowest: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - min(max(value, lowest), 1.0)) / (1.0 - lowest)
