"""Reading words without an archive: `parse`, and the options that say who reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medneg.cli.application import JsonOption, app

if TYPE_CHECKING:
    from medneg.query import QueryParser

PolicyOption = Annotated[
    Literal["off", "on_review", "always"] | None,
    typer.Option("--parser", help="When a language model reads; else MEDNEG_PARSER, else off."),
]
UrlOption = Annotated[
    str | None,
    typer.Option("--parser-url", help="Its OpenAI-compatible endpoint; else MEDNEG_PARSER_URL."),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--parser-model", help="Its name at the endpoint, or its folder; else MEDNEG_PARSER_MODEL."),
]
HostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--parser-allow-host",
        help="A host beyond this machine that may see queries; else MEDNEG_PARSER_ALLOW_HOST.",
    ),
]


def chosen_parser(
    policy: str | None, url: str | None, model: str | None, hosts: list[str] | None
) -> QueryParser:
    """The parser that options and environment name."""
    from medneg.query import parser, parser_settings

    return parser(parser_settings(policy=policy, url=url, model=model, allowed_hosts=hosts or ()))


@app.command()
def parse(
    query: Annotated[str | None, typer.Argument(help='Words, or "-" for standard input.')] = None,
    file: Annotated[
        Path | None,
        typer.Option(help='Lines of {"id", "query"} to read instead.', exists=True, dir_okay=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the readings of --file go.", dir_okay=False, writable=True)
    ] = None,
    policy: PolicyOption = None,
    url: UrlOption = None,
    model: ModelOption = None,
    hosts: HostOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a query is read: what is wanted, what is not, which words say so, and what is unsure."""
    if (query is None) == (file is None):
        raise typer.BadParameter("give either a query or --file")
    if file is None and out is not None:
        raise typer.BadParameter("--out belongs to --file")
    reader = chosen_parser(policy, url, model, hosts)
    if file is not None:
        _parse_file(file, out, reader)
    else:
        _parse_words(_typed(query or ""), reader, as_json=as_json)


def _typed(words: str) -> str:
    """The words, from standard input for "-"; what is no UTF-8 becomes replacement characters."""
    if words != "-":
        return words
    return sys.stdin.buffer.read().decode("utf-8", errors="replace").removesuffix("\n")


def _parse_words(words: str, reader: QueryParser, *, as_json: bool) -> None:
    from medneg.query import to_json
    from medneg.terminal.reading import show_reading

    read = reader.parse(words)
    if as_json:
        print(json.dumps(to_json(read)))
    else:
        show_reading(read)


def _parse_file(file: Path, out: Path | None, reader: QueryParser) -> None:
    from medneg.query.question_files import read_questions
    from medneg.terminal.progress import progress_bar

    with progress_bar("Reading", "query") as progress:
        lines = [json.dumps(row) for row in read_questions(file, reader, progress=progress)]
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
