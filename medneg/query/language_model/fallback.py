"""The language-model parser: the model reads, code checks, and the grammar stands behind both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from medneg.errors import ParserError
from medneg.query.filters import split_filters
from medneg.query.language_model.grounding import concepts, doubts, grounded
from medneg.query.language_model.prompt import PROMPT_VERSION
from medneg.query.language_model.reply import Unusable, read_reply
from medneg.query.parsers import ParserSettings
from medneg.query.reading import parse, typed
from medneg.query.sentence import read_sentence
from medneg.values import Mention, Query, QueryWarning


class LanguageModel(Protocol):
    """Answers the prompt. Equal models are interchangeable: answers are remembered under them."""

    @property
    def name(self) -> str:
        """How people call it."""

    def reply(self, text: str, choices: tuple[str, ...]) -> str:
        """What the model writes about a query.

        Args:
            text: the query's words.
            choices: the phrases that it may name.

        Raises:
            Unusable: it gave no answer.
        """

    def __hash__(self) -> int:
        """Of everything that its answers depend on."""


@dataclass(frozen=True, slots=True)
class ModelParser:
    """Lets ``model`` read queries, ``only_flagged`` ones or all, and falls back on the grammar."""

    model: LanguageModel
    only_flagged: bool = False

    def parse(self, text: str) -> Query:
        """The model's reading where it is sound, else the grammar's with a warning ``llm_fallback``.

        Raises:
            QueryError: the text is blank or too long.
        """
        read = parse(text)
        if self.only_flagged and not read.needs_review:
            return read
        try:
            return _read(text, self.model) or read
        except Unusable as refusal:
            reason = str(refusal)
        # A model's libraries may raise anything; the query has its answer already.
        except Exception as error:
            reason = f"failed with {type(error).__name__}"
        message = f"{self.model.name} did not read this: it {reason}; the grammar's reading is used"
        warning = QueryWarning(code="llm_fallback", message=message)
        return replace(read, warnings=(*read.warnings, warning))


def chosen_model(settings: ParserSettings) -> LanguageModel:
    """The model that settings name: at an endpoint when they have a URL, else in a folder.

    Raises:
        ParserError: they name none, or one that cannot or may not be used.
    """
    if not settings.model:
        raise ParserError(
            "the language-model parser needs a model; name it with --parser-model or MEDNEG_PARSER_MODEL "
            "(a name at the endpoint, or a folder), or use the policy off"
        )
    if settings.url:
        from medneg.query.language_model.endpoint import endpoint

        return endpoint(settings)
    from medneg.query.language_model.local import local_model

    return local_model(settings)


def _read(text: str, model: LanguageModel) -> Query | None:
    """The query as the model reads it; None where there is nothing to read."""
    words, filters, refused = split_filters(text)
    sentence = read_sentence(words)
    choices = concepts(sentence)
    if not choices:
        return None
    written = _reply(model, PROMPT_VERSION, " ".join(words.split()), choices)
    read = grounded(read_reply(written), sentence)
    query = typed(text, read, filters, refused)
    more = tuple(doubts(read, sentence, model.name))
    return replace(
        query,
        affirmed=_signed(query.affirmed),
        negated=_signed(query.negated),
        uncertain=_signed(query.uncertain),
        warnings=query.warnings + more,
        needs_review=query.needs_review or bool(more),
        parser=model.name,
    )


@lru_cache(maxsize=512)
def _reply(model: LanguageModel, version: int, text: str, choices: tuple[str, ...]) -> str:
    """The model's words on a query, remembered by model, prompt version and query; failures are not."""
    return model.reply(text, choices)


def _signed(mentions: tuple[Mention, ...]) -> tuple[Mention, ...]:
    """Mentions that tell who chose them; what a statement of normality implies was chosen by code."""
    return tuple(
        mention if mention.origin == "implied" else replace(mention, origin="language_model")
        for mention in mentions
    )
