"""How a query was read: one line above an answer, or the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from medneg.terminal.screen import console, foreign

if TYPE_CHECKING:
    from medneg.values import Mention, Query

POLARITY_LOOK = {"affirmed": ("●", "blue"), "negated": ("⊘", "dark_orange"), "uncertain": ("?", "yellow")}
"""The mark and the colour of each polarity: shape first, for readers who do not see the colour."""

_CUE_MARK = "~"
_WORDS = {"affirmed": "wanted", "negated": "unwanted", "uncertain": "left open"}
_REASONS = {
    "history": "in the past",
    "differential": "one of several",
    "exception": "an exception",
    "normality": "implied",
}
_MOST_KIN = 5


def show_query(query: Query) -> None:
    """Print the reading of a query on one line: a mark and a colour per mention, then what else it says."""
    line = Text()
    for mention in query.mentions:
        mark, colour = POLARITY_LOOK[mention.polarity]
        detail = f" ({mention.strength}, “{mention.cue}”)" if mention.strength and mention.cue else ""
        line.append(f"{mark} {foreign(mention.text)}", style=f"bold {colour}")
        line.append(f"{foreign(detail)}   ", style="dim")
    for name, said in _also(query):
        line.append(f"{name}: {foreign(said)}   ", style="dim")
    console.print(line)


def show_reading(query: Query) -> None:
    """Print all that is known of a query: the marked sentence, each mention and why, and every doubt."""
    for line in marked_sentence(query, console.width):
        console.print(line, soft_wrap=True)
    console.print(_mentions_table(query))
    for name, said in _also(query):
        console.print(Text.assemble((f"{name}: ", "dim"), foreign(said)))
    for warning in query.warnings:
        console.print(Text("! ", style="yellow") + foreign(warning.message))
    if query.needs_review:
        console.print(Text("Look it over: the reading may not be what was meant.", style="bold yellow"))


def marked_sentence(query: Query, width: int) -> Iterator[Text]:
    """The sentence, and under each stretch of ``width`` characters a line with the marks of its words.

    Findings have the mark of their polarity beneath them, cues a wavy line.
    """
    words = foreign(query.raw)
    marks = [" "] * len(query.raw)
    for mention in sorted(query.mentions, key=lambda mention: mention.origin != "implied"):
        mark, colour = POLARITY_LOOK[mention.polarity]
        for span, sign, style in (
            (mention.cue_span, _CUE_MARK, f"italic {colour}"),
            (mention.span, mark, f"bold underline {colour}"),
        ):
            if span is not None and (sign != _CUE_MARK or mention.origin != "implied"):
                marks[slice(*span)] = sign * (span[1] - span[0])
                words.stylize(style, *span)
    for start in range(0, len(words), width):
        yield words[start : start + width]
        yield Text("".join(marks[start : start + width]).rstrip(), style="dim")


def _mentions_table(query: Query) -> Table:
    table = Table("", "finding", "", "because of", "stands for too", header_style="dim", box=None)
    for mention in query.mentions:
        mark, colour = POLARITY_LOOK[mention.polarity]
        table.add_row(
            Text(mark, style=colour),
            Text.assemble(
                (f"{foreign(mention.text)}", f"bold {colour}"), (f"{foreign(_kind(mention))}", "dim")
            ),
            ", ".join(filter(None, (_WORDS[mention.polarity], mention.strength))),
            foreign(_because(mention)),
            Text(_kin(mention), style="dim"),
        )
    return table


def _kind(mention: Mention) -> str:
    """What is particular about the words: repaired, or foreign to the lexicon."""
    if mention.corrected_from:
        return f" (for “{mention.corrected_from}”)"
    return " (not in the lexicon)" if mention.finding is None else ""


def _because(mention: Mention) -> str:
    cue = f"“{mention.cue}”" if mention.cue else ""
    return ", ".join(filter(None, (cue, _REASONS.get(mention.reason))))


def _kin(mention: Mention) -> str:
    """The findings that are kinds of this one: they are wanted or unwanted with it."""
    from medneg.query import lexicon

    if mention.finding is None or mention.finding not in lexicon():
        return ""
    kin = [lexicon().finding(kind).name for kind in lexicon().descendants(mention.finding)]
    more = f" and {len(kin) - _MOST_KIN} more" if len(kin) > _MOST_KIN else ""
    return ", ".join(kin[:_MOST_KIN]) + more


def _also(query: Query) -> Iterator[tuple[str, str]]:
    """What a query says beside its findings, by name, and who read it where that was not the grammar."""
    if query.filters:
        yield "filters", ", ".join(f"{each.field} {each.text}" for each in query.filters)
    if query.context:
        yield "context", ", ".join(query.context)
    if query.ignored:
        yield "not used", ", ".join(query.ignored)
    if query.parser != "grammar":
        yield "read by", query.parser
