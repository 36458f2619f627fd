"""Maps and curves as SVG inside the page: nothing to fetch, sharp on paper, two shapes for two polarities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from medneg.diagnostics.projection import Map
from medneg.diagnostics.reliability import Reliability
from medneg.query import lexicon

WIDTH, HEIGHT, MARGIN = 520.0, 300.0, 18.0
SIDE = 120.0

AFFIRMED, NEGATED, IMAGE = "#2f6db3", "#b65c0c", "#8a929c"
"""Blue and orange are told apart by every eye, and have other shapes; grey recedes."""

LETTER = 5.0
"""Width of a letter of a label, in pixels of the picture."""


def scatter(found: Map) -> str:
    """A map: ● affirmed, △ negated, · image; by t-SNE each finding is named once, where it lies."""
    places = _placed(found.points)
    marks = [
        _mark(kind, *place, escape(_called(finding)))
        for kind, finding, place in sorted(
            zip(found.kinds, found.findings, places, strict=True), key=lambda each: each[0] != "image"
        )
    ]
    labels = "" if found.method == "PCA" else "".join(_labels(found, places))  # PCA crowds them
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{escape(found.method)} map">'
        f"{''.join(marks)}{labels}</svg>"
    )


def reliability_curve(found: Reliability) -> str:
    """A reliability diagram: mean probability to the right, share that shows the finding upwards."""
    inner = SIDE - 2 * 10
    places = [(10 + chance * inner, SIDE - 10 - share * inner) for chance, share, _ in found.bins]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{AFFIRMED}"/>' for x, y in places)
    return (
        f'<svg viewBox="0 0 {SIDE:.0f} {SIDE:.0f}" role="img" aria-label="reliability">'
        f'<rect x="10" y="10" width="{inner:.0f}" height="{inner:.0f}" fill="none" stroke="#d5dae0"/>'
        f'<path d="M10 {SIDE - 10:.0f}L{SIDE - 10:.0f} 10" stroke="#9aa3ad" stroke-dasharray="3 3"/>'
        f'<polyline points="{points}" fill="none" stroke="{AFFIRMED}"/>{dots}</svg>'
    )


def _placed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points in the picture's pixels, one scale for both axes, y upwards."""
    xs, ys = zip(*points, strict=True)
    low_x, low_y = min(xs), min(ys)
    wide, high = max(xs) - low_x or 1.0, max(ys) - low_y or 1.0
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    left, top = (WIDTH - scale * wide) / 2, (HEIGHT - scale * high) / 2
    return [(left + scale * (x - low_x), HEIGHT - top - scale * (y - low_y)) for x, y in points]


def _mark(kind: str, x: float, y: float, title: str) -> str:
    if kind == "negated":
        triangle = f"M{x:.1f} {y - 3.6:.1f}L{x + 3.3:.1f} {y + 2.6:.1f}H{x - 3.3:.1f}Z"
        look = f'fill="#fff" stroke="{NEGATED}" stroke-width="1.3"'
        return f'<path d="{triangle}" {look}><title>no {title}</title></path>'
    size, colour, opacity = (1.7, IMAGE, 0.6) if kind == "image" else (3.0, AFFIRMED, 0.8)
    told = f"<title>{title}</title>" if title else ""
    look = f'r="{size}" fill="{colour}" fill-opacity="{opacity}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" {look}>{told}</circle>'


def _labels(found: Map, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    """A name above the middle of each finding's affirmed prompts, or images; lower where names would meet."""
    written: list[tuple[float, float, float]] = []
    for finding in dict.fromkeys(filter(None, found.findings)):
        own = [
            place
            for place, name, kind in zip(places, found.findings, found.kinds, strict=True)
            if name == finding and kind != "negated"
        ]
        if not own:
            continue
        name = _called(finding)
        half = LETTER * len(name) / 2
        x = min(max(_median([x for x, _ in own]), half + 2), WIDTH - half - 2)
        y = max(_median([y for _, y in own]) - 9, 10)
        while any(abs(x - other) < half + theirs and abs(y - line) < 10 for other, line, theirs in written):
            y += 10
        written.append((x, y, half))
        look = 'text-anchor="middle" font-size="9.5" fill="#14181d"'
        halo = 'stroke="#fff" stroke-width="2.5" paint-order="stroke"'
        yield f'<text x="{x:.1f}" y="{min(y, HEIGHT - 3):.1f}" {look} {halo}>{escape(name)}</text>'


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _called(finding: str) -> str:
    return lexicon().finding(finding).name if finding in lexicon() else finding
