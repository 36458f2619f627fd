"""The indexes of an archive: `index list`, `index build`, `index drop`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from medneg.cli.application import ArchiveOption, JsonOption, app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medneg.archive import Archive
    from medneg.archive.indexes import Indexes

index_app = typer.Typer(no_args_is_help=True, help="See, build and drop the ways to search an archive.")
app.add_typer(index_app, name="index")

SpaceOption = Annotated[
    str | None, typer.Option("--encoder", help="Whose embeddings; without it, those of the most images.")
]
KindArgument = Annotated[str, typer.Argument(metavar="NAME", help="Of the index; see `medneg index list`.")]


@index_app.command(name="list")
def list_indexes(archive: ArchiveOption, encoder: SpaceOption = None, as_json: JsonOption = False) -> None:
    """List the indexes: whether each can be used, and which one a search takes by itself, and why."""
    from dataclasses import asdict

    from medneg.terminal.indexes import indexes_table

    with _indexes(archive, encoder) as indexes:
        states, choice = indexes.states(), indexes.choice()
    if as_json:
        print(json.dumps({"indexes": [asdict(state) for state in states], "auto": asdict(choice)}))
    else:
        indexes_table(states, choice)


@index_app.command()
def build(
    name: KindArgument,
    archive: ArchiveOption,
    encoder: SpaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build an index, or bring it up to date."""
    from dataclasses import asdict

    from medneg.terminal.indexes import built
    from medneg.terminal.progress import progress_bar

    with _indexes(archive, encoder) as indexes, progress_bar("Building", "image") as progress:
        state = indexes.build(name, progress)
    if as_json:
        print(json.dumps(asdict(state)))
    else:
        built(state)


@index_app.command()
def drop(name: KindArgument, archive: ArchiveOption, encoder: SpaceOption = None) -> None:
    """Take an index away. Nothing is lost that cannot be built again."""
    with _indexes(archive, encoder) as indexes:
        indexes.drop(name)
    print(f"{name} is dropped.")


@contextmanager
def _indexes(location: str, encoder: str | None) -> Iterator[Indexes]:
    """The indexes of the space that an encoder, or the codes of a head, belong to."""
    from medneg.archive import Archive

    with Archive.open(location) as store:
        yield store.indexes(_fingerprint(store, encoder))


def _fingerprint(store: Archive, encoder: str | None) -> str:
    from medneg import encoders
    from medneg.search import require_space

    spaces = [space for space in store.spaces() if space.count]
    named = {card.name: space.image_fingerprint for space in spaces for card in space.cards}
    if encoder is None and spaces:
        return spaces[0].image_fingerprint
    if encoder in named:
        return named[encoder]
    card = encoders.load(encoder or encoders.DEFAULT).card  # it may share the tower of one that is named
    require_space(store, card)
    return card.image_fingerprint
