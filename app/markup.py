"""Small pieces of HTML. Whatever comes from a file, a report or a user is escaped on its way through here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from itertools import pairwise

from medneg.values import EncoderCard, Polarity

Spanned = tuple[int, int, str]
"""Where words begin and end in a text, and the classes that they are drawn with."""

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


def picture(address: str, alt: str) -> str:
    """An image that the browser asks for when it comes into sight, and keeps."""
    return f'<img src="{text(address)}" alt="{text(alt)}" loading="lazy">'


def marked(raw: str, spans: Iterable[Spanned], signs: Mapping[int, str] | None = None) -> str:
    """Text with coloured spans; where spans overlap, the words have the classes of both.

    Args:
        raw: any text; it is escaped.
        spans: (start, end, classes), in characters; what leaves the text is left out.
        signs: small raised signs by the character that they stand behind.

    Example:
        >>> marked("no <b>", [(0, 2, "cue"), (0, 6, "all")], {2: "1"})
        '<mark class="cue all">no</mark><sup>1</sup><mark class="all"> &lt;b&gt;</mark>'
    """
    inside = [span for span in spans if 0 <= span[0] < span[1] <= len(raw)]
    raised = signs or {}
    ends = {end for start, stop, _ in inside for end in (start, stop)}
    cuts = sorted({0, len(raw), *ends, *(at for at in raised if 0 < at <= len(raw))})
    parts = []
    for start, stop in pairwise(cuts):
        kinds = " ".join(kind for first, last, kind in inside if first <= start and stop <= last)
        piece = text(raw[start:stop])
        parts.append(tag("mark", piece, kind=" ".join(dict.fromkeys(kinds.split()))) if kinds else piece)
        parts.append(tag("sup", text(raised[stop])) if stop in raised else "")
    return "".join(parts).replace("\n", "<br>")


def plain(words: str) -> str:
    """Words that a label shows as they are: Streamlit reads labels as Markdown.

    Example:
        >>> plain("*no* edema")
        '\\\\*no\\\\* edema'
    """
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!|<>~$:&" else sign for sign in words)


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


def panel(title: str, content: str) -> str:
    """A titled box around HTML that is already safe."""
    return tag("section", tag("h4", text(title)) + content, kind="mn-panel")


def banner_html(card: EncoderCard | None = None) -> str:
    """The line that is always there: research use, and the model that answers with its licence."""
    model = f" Model {tag('b', text(card.name))} ({text(card.licence)}). {text(card.notice)}" if card else ""
    return tag("div", f"Research use, not a medical device.{model}", kind="mn-banner")
