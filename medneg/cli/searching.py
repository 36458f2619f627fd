"""Asking an archive: `search`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medneg.cli.application import (
    ArchiveOption,
    EncoderOption,
    HeadOption,
    IndexOption,
    JsonOption,
    TextEncoderOption,
    app,
)
from medneg.cli.reading import HostOption, ModelOption, PolicyOption, UrlOption, chosen_parser

if TYPE_CHECKING:
    from medneg.archive.indexes import Indexes

_WORTH_A_BAR = 20_000


@app.command()
def search(
    query: Annotated[str, typer.Argument(help='For example "effusion but no calcification".')],
    archive: ArchiveOption,
    encoder: EncoderOption = "phantom",
    text_encoder: TextEncoderOption = None,
    method: Annotated[
        str | None, typer.Option(help="How to score; the default won on the benchmark.")
    ] = None,
    space: Annotated[
        Literal["raw", "centred"] | None, typer.Option(help="Where embeddings are compared.")
    ] = None,
    top: Annotated[int, typer.Option(help="How many hits.", min=1)] = 10,
    where: Annotated[str | None, typer.Option(help='For example "view=PA,age>=60,effusion=present".')] = None,
    exclude_risk: Annotated[
        float | None,
        typer.Option(
            help="Of what is shown, at most this share carries what is excluded (0.05).", min=0, max=1
        ),
    ] = None,
    head: HeadOption = None,
    index: IndexOption = "auto",
    compare: Annotated[bool, typer.Option(help="Show plain CLIP's answer too.")] = False,
    policy: PolicyOption = None,
    url: UrlOption = None,
    model: ModelOption = None,
    hosts: HostOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the archive. Prints each hit's score and what every part of the query added or took."""
    from medneg import encoders
    from medneg import search as searching
    from medneg.archive import Archive
    from medneg.terminal.answers import show_answer
    from medneg.terminal.reading import show_query

    chosen = (method or searching.DEFAULT_METHOD, space or searching.DEFAULT_SPACE)
    asked = [searching.PLAIN, chosen] if compare else [chosen]
    reader = chosen_parser(policy, url, model, hosts)
    with Archive.open(archive) as store:
        tower = encoders.load(encoder, text_encoder)
        behind = encoders.load_head(head, tower.card) if head else None
        condition = searching.parse_where(where) if where else None
        read = reader.parse(query)
        searching.require_space(store, tower.card)
        _prepare(store.indexes(tower.card.image_fingerprint), index)
        answers = [
            searching.search(
                store,
                read,
                tower,
                method=how,
                space=there,
                k=top,
                where=condition,
                exclude_risk=exclude_risk if (how, there) == chosen else None,
                head=behind,
                index=index,
            )
            for how, there in asked
        ]
        if as_json:
            printed = [answer.to_json() for answer in answers]
            print(json.dumps(printed if compare else printed[0]))
            return
        show_query(answers[0].query)
        for answer in answers:
            show_answer(answer, store)


def _prepare(indexes: Indexes, name: str) -> None:
    """Bring a large scan matrix up to date before the search that would do it without a word."""
    from medneg.archive.indexes import AUTOMATIC
    from medneg.terminal.progress import bar_if_long

    if (indexes.choice().name if name == AUTOMATIC else name) == "scan":
        with bar_if_long("Preparing the scan", "image", least=_WORTH_A_BAR) as progress:
            indexes.build("scan", progress)
