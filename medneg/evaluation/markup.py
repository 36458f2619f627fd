"""Pieces of a page: tables and heat maps as HTML that needs no script and no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

from medneg.evaluation.intervals import Figure

Colour = tuple[int, int, int]

PALE, DARK = (247, 249, 252), (8, 64, 129)
"""Ends of the one-hue scale: lightness alone tells values apart, for every eye and on grey paper."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

INK, PAPER = (0, 0, 0), (255, 255, 255)
"""On any grey one of the two has a contrast of at least 4.58."""


def document(title: str, body: Iterable[str], *, more_style: str = "") -> str:
    """A whole page with its style inside; its policy lets a browser fetch nothing and run nothing."""
    style = files("medneg.assets").joinpath("benchmark", "page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}{more_style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def section(title: str, note: str) -> str:
    """A heading with its one grey line."""
    return f'<h2>{escape(title)}</h2>\n<p class="note">{escape(note)}</p>'


def table(heads: Sequence[str], rows: Iterable[tuple[bool, Sequence[str]]]) -> str:
    """A table; cells are HTML already, a row that is marked is the default's."""
    head = "".join(f"<th>{escape(words)}</th>" for words in heads)
    body = "".join(
        ('<tr class="default">' if marked else "<tr>")
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>\n"
        for marked, cells in rows
    )
    return f'<div class="wide"><table class="rows"><tr>{head}</tr>\n{body}</table></div>'


def figure(found: Figure | None) -> str:
    """A figure with its interval; a dash where it is not defined."""
    if found is None or math.isnan(found.value):
        return "–"
    return f"{found.value:.3f} <small>{found.low:.3f} to {found.high:.3f}</small>"


def heat_map(
    sides: Sequence[str],
    tops: Sequence[str],
    values: Mapping[tuple[str, str], float],
    *,
    corner: str,
    name: Callable[[str], str] = str,
) -> str:
    """A table whose cells are as dark as their value is high, in [0, 1], with the number in each.

    Args:
        sides, tops: keys of the rows and columns.
        values: by (side, top); a cell without a value has a dash.
        corner: what rows and columns are.
        name: what people call a key.
    """
    head = "".join(f'<th class="top" scope="col"><span>{escape(name(top))}</span></th>' for top in tops)
    lines = [f'<div class="wide"><table class="heat"><tr><th class="side">{escape(corner)}</th>{head}</tr>']
    for side in sides:
        cells = "".join(_cell(values.get((side, top), math.nan)) for top in tops)
        lines.append(f'<tr><th class="side" scope="row">{escape(name(side))}</th>{cells}</tr>')
    return "\n".join(lines) + "\n</table></div>"


def _cell(value: float) -> str:
    if math.isnan(value):
        return '<td class="none">–</td>'
    share = min(max(value, 0.0), 1.0)
    red, green, blue = (round(low + share * (high - low)) for low, high in zip(PALE, DARK, strict=True))
    letters = max(INK, PAPER, key=lambda colour: contrast(colour, (red, green, blue)))
    shown = f"{value:.2f}"
    shown = "1.0" if shown == "1.00" else shown.removeprefix("0")
    return f'<td style="background:rgb({red},{green},{blue});color:rgb{letters}">{shown}</td>'


def contrast(one: Colour, other: Colour) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2, contrast ratio); letters need 4.5.

    Example:
        >>> contrast((0, 0, 0), (255, 255, 255))
        21.0
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
