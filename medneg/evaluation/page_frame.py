"""What every page of a benchmark opens and ends with."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from medneg.evaluation.gallery import BASE
from medneg.evaluation.report import About


def subtitle(about: About, made: str) -> str:
    """What was measured, on what, and when, in one grey line; a second one names models beside the base."""
    how = "read by the parser" if about.parse == "real" else "their meaning given, without the parser"
    line = (
        f'<p class="note">{about.pictures:,} pictures of {about.patients:,} patients · '
        f"{escape(about.truth)} · questions {how} · seed {about.seed} · "
        f"medneg {escape(about.version)} · {escape(made)} · licence {escape(about.licence)}</p>"
    )
    others = [card for card in about.models if card.model != BASE]
    if not others:
        return line
    names = ", ".join(escape(card.model) for card in others)
    return f'{line}<p class="note">Rows without a name in parentheses: the base; beside it {names}.</p>'


def ending(about: About, command: str) -> Iterator[str]:
    """The command that measures it again, and what the weights allow."""
    yield "<h2>Measure it again</h2>"
    yield f"<pre>{escape(command)}</pre>"
    cards = "<br>".join(
        f"{escape(card.encoder)}: {escape(card.licence)}. {escape(card.notice)}" for card in about.models
    )
    yield (
        f"<footer>{cards}<br>Probability curves from {escape(about.curves)}. "
        "Research use, not a medical device.</footer>"
    )
