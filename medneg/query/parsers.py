"""Who reads a query: the grammar, or a language model that the grammar stands behind.

``parser(parser_settings())`` is what the command line and the query page use. The grammar is the default;
``docs/how-to/use-a-language-model.md`` says when the other may pay.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from medneg.errors import UnknownName
from medneg.query.reading import parse
from medneg.values import Query

Policy = Literal["off", "on_review", "always"]


class QueryParser(Protocol):
    """Reads a query's words."""

    def parse(self, text: str) -> Query:
        """The typed query.

        Raises:
            QueryError: the text is blank or too long.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ParserSettings:
    """Whether a language model reads queries, and which.

    Attributes:
        policy: "off": the grammar reads; "on_review": the model reads what the grammar flags
            (``needs_review``); "always": the model reads, and the grammar where the model fails.
        url: base address of an OpenAI-compatible endpoint ("http://localhost:8080/v1"); empty for a model
            in a folder.
        model: the model's name at the endpoint, or its folder.
        key: sent to the endpoint as bearer token; empty for none.
        allowed_hosts: hosts beyond this machine that may see queries.
    """

    policy: Policy = "off"
    url: str = ""
    model: str = ""
    key: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.policy not in get_args(Policy):
            raise UnknownName("parser policy", self.policy, get_args(Policy))


def parser_settings(
    environment: Mapping[str, str] = os.environ,
    *,
    policy: str | None = None,
    url: str | None = None,
    model: str | None = None,
    allowed_hosts: Sequence[str] = (),
) -> ParserSettings:
    """The settings that a user gave: an argument, else the environment, else the default.

    Args:
        environment: may hold MEDNEG_PARSER, MEDNEG_PARSER_URL, MEDNEG_PARSER_MODEL, MEDNEG_PARSER_KEY and
            MEDNEG_PARSER_ALLOW_HOST (names between commas). The key has no other way in, so that it shows in
            no list of processes and no shell history.
        policy, url, model, allowed_hosts: as in ``ParserSettings``.

    Raises:
        UnknownName: there is no such policy.

    Example:
        >>> parser_settings({"MEDNEG_PARSER": "always"}, model="/models/qwen").policy
        'always'
    """
    named = environment.get("MEDNEG_PARSER_ALLOW_HOST", "").split(",")
    return ParserSettings(
        policy=policy or environment.get("MEDNEG_PARSER") or "off",  # type: ignore[arg-type]  # it checks
        url=url or environment.get("MEDNEG_PARSER_URL", ""),
        model=model or environment.get("MEDNEG_PARSER_MODEL", ""),
        key=environment.get("MEDNEG_PARSER_KEY", "").strip(),
        allowed_hosts=tuple(allowed_hosts) or tuple(host.strip() for host in named if host.strip()),
    )


@dataclass(frozen=True, slots=True)
class Grammar:
    """The grammar as a parser."""

    def parse(self, text: str) -> Query:
        """See ``medneg.query.parse``."""
        return parse(text)


def parser(settings: ParserSettings) -> QueryParser:
    """The parser that settings ask for. A model in a folder is loaded when it reads its first query.

    Raises:
        ParserError: a language model is asked for, and the settings name none or one that may not be used.
    """
    if settings.policy == "off":
        return Grammar()
    from medneg.query.language_model.fallback import ModelParser, chosen_model

    return ModelParser(chosen_model(settings), only_flagged=settings.policy == "on_review")
