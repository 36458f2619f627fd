"""Small pieces of HTML. Whatever comes from a file, a report or a user is escaped on its way through here."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Iterable, Sequence

from medneg.values import Mention, Polarity

MARKS: dict[Polarity, str] = {"affirmed": "●", "negated": "⊘", "uncertain": "?"}
"""One shape per polarity, for readers who do not see the colour."""

WORDS: dict[Polarity, str] = {"affirmed": "wanted", "negated": "unwanted", "uncertain": "uncertain"}

text = html.escape


def tag(name: str, content: str, *, kind: str = "", style: str = "") -> str:
    """One element around HTML that is already safe; ``kind`` is its class.

    Example:
        >>> tag("b", text("<script>"), kind="cue")
        '<b class="cue">&lt;script&gt;</b>'
    """
    attributes = f' class="{text(kind)}"' if kind else ""
    attributes += f' style="{text(style)}"' if style else ""
    return f"<{name}{attributes}>{content}</{name}>"


def picture(jpeg: bytes | None, alt: str) -> str:
    """An image that travels inside the page; a quiet box where there is none."""
    if jpeg is None:
        return tag("div", "no picture", kind="mn-no-picture")
    source = b64encode(jpeg).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{source}" alt="{text(alt)}">'


def marked(raw: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """Text with coloured spans.

    Args:
        raw: any text; it is escaped.
        spans: (start, end, class), in characters; what overlaps an earlier one is left out.

    Example:
        >>> marked("no <b>", [(0, 2, "cue")])
        '<mark class="cue">no</mark> &lt;b&gt;'
    """
    parts, done = [], 0
    for start, end, kind in sorted(spans):
        if start < done or end > len(raw) or start >= end:
            continue
        parts += [text(raw[done:start]), tag("mark", text(raw[start:end]), kind=kind)]
        done = end
    return "".join([*parts, text(raw[done:])]).replace("\n", "<br>")


def mention_spans(mentions: Sequence[Mention], *, cues: bool) -> list[tuple[int, int, str]]:
    """Spans of mentions, and of their cues if asked, each with the class of its polarity."""
    found = [(*m.span, f"mn-{m.polarity}") for m in mentions if m.span is not None]
    if cues:
        found += [(*m.cue_span, f"mn-cue mn-{m.polarity}") for m in mentions if m.cue_span is not None]
    return found


def signed(value: float) -> str:
    """A number with its sign, which nought has not.

    Example:
        >>> signed(0.5), signed(-0.25), signed(-0.001)
        ('+0.50', '−0.25', '0.00')
    """
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


def bar(mark: str, label: str, value: float, *, scale: float, polarity: Polarity | None) -> str:
    """One line of a hit's argument: a mark, words, a bar as long as |value| / scale, and the number.

    The bar is pale where the image argues against its own chip: a wanted finding that costs, say.
    """
    against = (polarity == "affirmed" and value < 0) or (polarity == "negated" and value > 0)
    share = 0.0 if scale <= 0 else min(abs(value) / scale, 1.0)
    fill = tag("i", "", style=f"width:{share:.1%}")
    return tag(
        "div",
        tag("span", f"{text(mark)} {text(label)}", kind="mn-label")
        + tag("span", fill, kind="mn-track")
        + tag("span", signed(value), kind="mn-value"),
        kind=f"mn-bar mn-{polarity or 'whole'}{' mn-pale' if against else ''}",
    )
