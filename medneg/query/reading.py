"""``parse``: a radiologist's words to a typed query."""

from __future__ import annotations

from medneg.errors import QueryError
from medneg.query.filters import split_filters
from medneg.query.mentions import counterfactuals, distinct, drop_generic, mentions_of
from medneg.query.remarks import REVIEW, context_words, ignored_words, remarks
from medneg.query.sentence import Sentence, read_sentence
from medneg.values import FieldFilter, Query, QueryWarning

MAX_CHARACTERS = 2000


def parse(text: str) -> Query:
    """Read a query: which findings are wanted, which are not, and which are left open.

    Args:
        text: a sentence or a few words, at most 2,000 characters.

    Returns:
        The typed query. What was not understood stands in its warnings; nothing is dropped silently.

    Raises:
        QueryError: the text is blank or too long.

    Example:
        >>> query = parse("left effusion but no calcification")
        >>> [mention.text for mention in query.affirmed], [mention.text for mention in query.negated]
        (['left pleural effusion'], ['calcification'])
        >>> query.counterfactuals
        ('left pleural effusion and calcification',)
    """
    if not text.strip():
        raise QueryError(
            "the query is empty; name at least one finding, such as 'effusion but no calcification'"
        )
    if len(text) > MAX_CHARACTERS:
        raise QueryError(f"a query has at most {MAX_CHARACTERS} characters; got {len(text)}. Shorten it")
    words, filters, refused = split_filters(text)
    return typed(text, read_sentence(words), filters, refused)


def typed(
    raw: str, sentence: Sentence, filters: tuple[FieldFilter, ...], refused: tuple[QueryWarning, ...]
) -> Query:
    """The query that a sentence's reading stands for.

    Args:
        raw: the words as typed.
        sentence: their reading, whoever made it; its offsets are those of ``raw``.
        filters, refused: of ``filters.split_filters``.
    """
    mentions = list(distinct(drop_generic(mentions_of(sentence))))
    affirmed, negated, uncertain = (
        tuple(mention for mention in mentions if mention.polarity == polarity)
        for polarity in ("affirmed", "negated", "uncertain")
    )
    warnings = (*refused, *remarks(sentence, mentions))
    return Query(
        raw=raw,
        affirmed=affirmed,
        negated=negated,
        uncertain=uncertain,
        counterfactuals=counterfactuals(affirmed, negated),
        context=context_words(sentence),
        ignored=ignored_words(sentence),
        filters=filters,
        warnings=warnings,
        needs_review=any(warning.code in REVIEW for warning in warnings),
    )
