"""The course of a training as one SVG picture: quality per finding, and the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, KEY = 900, 420, 50, 30, 40, 210
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933",
    "#882255", "#44aa99", "#aa4499", "#117733", "#332288", "#ddaa33", "#88ccee",
)  # fmt: skip


def draw_curve(rows: Sequence[Mapping[str, Any]], *, kind: str = "zero_shot") -> str:
    """Draw AUC over pictures shown, one line per finding, the mean in black.

    Args:
        rows: of ``metrics.jsonl``; "presentations" and a mapping of AUCs under ``kind``.
        kind: "zero_shot" or "cells".

    Returns:
        A whole SVG document.

    Raises:
        ValueError: if there is no row to draw.
    """
    if not rows:
        raise ValueError("a curve needs at least one measurement; the training has made none yet")
    end = max(int(row["presentations"]) for row in rows)
    names = list(rows[-1][kind])
    parts = [
        *_axes(end),
        *(line for i, name in enumerate(names) for line in _series(rows, kind, name, i, end)),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *parts, "</svg>", ""])


def _axes(end: int) -> list[str]:
    right = WIDTH - KEY
    lines = []
    for step in range(7):
        value = 0.4 + step / 10
        y = _y(value)
        lines.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.1f}</text>')
    for quarter in range(5):
        shown = end * quarter // 4
        x = _x(shown, end)
        label = f"{shown / 1000:.0f}k"
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
    lines.append(f'<text x="{LEFT}" y="18">AUC on validation pictures, over pictures shown</text>')
    return lines


def _series(rows: Sequence[Mapping[str, Any]], kind: str, name: str, index: int, end: int) -> list[str]:
    colour = "black" if name == "mean" else COLOURS[(index - 1) % len(COLOURS)]
    points = " ".join(f"{_x(int(r['presentations']), end):.1f},{_y(r[kind][name]):.1f}" for r in rows)
    y = TOP + 10 + 22 * index
    width = 2.5 if name == "mean" else 1.2
    return [
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>',
        f'<rect x="{WIDTH - KEY + 14}" y="{y - 8}" width="14" height="4" fill="{colour}"/>',
        f'<text x="{WIDTH - KEY + 34}" y="{y}">{escape(name.replace("_", " "))} '
        f"{rows[-1][kind][name]:.3f}</text>",
    ]


def _x(shown: int, end: int) -> float:
    return LEFT + (WIDTH - KEY - LEFT) * shown / max(end, 1)


def _y(value: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - min(max(value, 0.4), 1.0)) / 0.6
