"""The hits that answer a query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from medneg.terminal.reading import POLARITY_LOOK
from medneg.terminal.screen import console, foreign

if TYPE_CHECKING:
    from medneg.archive import Archive
    from medneg.promises import Promise
    from medneg.search import Answer
    from medneg.values import Contribution, FindingState, Mention, Query


def show_answer(answer: Answer, store: Archive) -> None:
    """Print the hits, with the truth where a manifest tells it, and what is promised of them."""
    console.print(_hits_table(answer, _truth(answer, store)))
    exact = "exact" if answer.exact else "approximate"
    took = f"{answer.seconds * 1000:.0f} ms"
    console.print(
        f"{exact} over {answer.considered:,} images in {took} · model {answer.card.name} "
        f"({answer.card.licence}) · research use, not a medical device",
        style="dim",
    )
    console.print(Text(f"found by: {answer.index}", style="dim"))
    if answer.promise is not None:
        console.print(_promise(answer.promise, answer.query), style="bold")
    for warning in answer.warnings:
        console.print(Text(f"! {warning.message}", style="yellow"))


def _promise(promise: Promise, query: Query) -> str:
    """What is promised of the images that remain, and what it rests on."""
    from medneg.query import lexicon

    what = " or ".join(lexicon().finding(finding).name for finding in promise.findings)
    fitting = "that probably show what is wanted " if query.affirmed else ""
    others = f"the {promise.unseen:,} without a label for it" if promise.unseen else "further such images"
    return (
        f"{promise.remaining:,} of {promise.fitting:,} images {fitting}remain. Of "
        f"{others}, at most {promise.risk:.1%} carry {what}, with {promise.confidence:.0%} confidence; "
        f"of the {promise.labelled:,} labelled ones {promise.carrying:,} do"
    )


def _truth(answer: Answer, store: Archive) -> dict[Mention, dict[int, FindingState]]:
    """Mention → image id → state, for the mentions of the query on which a manifest speaks."""
    from medneg.query import lexicon

    words = lexicon()
    states = store.findings([hit.image_id for hit in answer.hits], source="manifest")
    columns = {}
    for mention in answer.query.mentions:
        if mention.finding is not None:
            known = {image: words.state(mention.finding, states.get(image, {})) for image in states}
            columns[mention] = {image: state for image, state in known.items() if state is not None}
    return {mention: column for mention, column in columns.items() if column}


def _hits_table(answer: Answer, truth: dict[Mention, dict[int, FindingState]]) -> Table:
    from medneg.search import PLAIN, by_mention

    how = f"{answer.method}, {answer.space}"
    title = f"plain CLIP ({how})" if (answer.method, answer.space) == PLAIN else f"medneg ({how})"
    table = Table(title=Text(title, style="bold"), title_justify="left", header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("score", justify="right")
    rows = [by_mention(answer.query, hit.terms) for hit in answer.hits]
    for part in rows[0] if rows else ():
        table.add_column(_head(part.label, part.mention), justify="right")
    for mention in truth:
        table.add_column(_head("truth", mention))
    table.add_column("image", overflow="fold")
    for hit, parts in zip(answer.hits, rows, strict=True):
        values = (_value(part) for part in parts)
        states = (_state_cell(column.get(hit.image_id), mention) for mention, column in truth.items())
        table.add_row(str(hit.rank), f"{hit.score:.4f}", *values, *states, foreign(_near(hit.image)))
    return table


def _value(part: Contribution) -> Text:
    """What a part of the query added, and the probability of its finding where it is known."""
    chance = "" if part.probability is None else f" {part.probability:.0%}"
    return Text.assemble(f"{part.value:+.4f}", (chance, "dim"))


def _head(words: str, mention: Mention | None) -> Text:
    """A column's head with the mark of the mention that it belongs to."""
    if mention is None:
        return foreign(words)
    mark, colour = POLARITY_LOOK[mention.polarity]
    return Text.assemble((f"{mark} ", colour), foreign(words))


def _state_cell(state: FindingState | None, mention: Mention) -> Text:
    """The truth in a word, marked where it is not what was asked for."""
    asked = {"affirmed": "absent", "negated": "present"}.get(mention.polarity)
    return Text(state or "", style="bold red" if state == asked else "")


def _near(path: str) -> str:
    """A path as seen from here, if it lies here."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
