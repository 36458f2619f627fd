"""``parse``: a radiologist's words to a typed query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from medneg.errors import QueryError
from medneg.query.chunks import Chunk, chunk
from medneg.query.cues import vocabulary
from medneg.query.filters import split_filters
from medneg.query.grammar import Draft, Reading, Tokens, read
from medneg.query.lexicon import lexicon
from medneg.query.normalise import Token, tokenise
from medneg.query.repair import join_prefixes, repair
from medneg.values import FieldFilter, Mention, Query, QueryWarning, Span

MAX_CHARACTERS = 2000
_REVIEW = frozenset(
    {
        "unknown_concept",
        "and_in_negative_scope",
        "ambiguous_comma",
        "ambiguous_abbreviation",
        "contradiction",
        "nothing_found",
        "filter_refused",
    }
)
_MESSAGES = {
    "and_in_negative_scope": '{words!r} follows an "and" inside a negation and is read as unwanted',
    "ambiguous_comma": 'the comma ends the negation, so {words!r} is wanted; write "or" to exclude it',
    "double_negation": "{words!r} is read as a double negation, so what it speaks of is wanted",
    "exception_flip": "{words!r} is read as an exception, so what follows is wanted",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with its tokens, chunks and reading. ``offset`` is where it begins in a larger text."""

    raw: str
    tokens: list[Token]
    chunks: list[Chunk]
    reading: Reading
    offset: int = 0

    def span(self, at: Tokens) -> Span:
        """The characters that tokens ``[first, end)`` were."""
        covered = self.tokens[at[0] : at[1]]
        return (
            min(token.start for token in covered) + self.offset,
            max(token.end for token in covered) + self.offset,
        )

    def words(self, at: Tokens) -> str:
        """The raw words that tokens ``[first, end)`` were."""
        start, end = self.span(at)
        return self.raw[start - self.offset : end - self.offset]


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
    warnings = (*refused, *_warnings(sentence, mentions))
    return Query(
        raw=raw,
        affirmed=affirmed,
        negated=negated,
        uncertain=uncertain,
        counterfactuals=counterfactuals(affirmed, negated),
        context=tuple(sentence.words((piece.first, piece.end)) for piece in _of(sentence, "context")),
        ignored=tuple(sentence.words((piece.first, piece.end)) for piece in _of(sentence, "filler")),
        filters=filters,
        warnings=warnings,
        needs_review=any(warning.code in _REVIEW for warning in warnings),
    )


def read_sentence(raw: str, *, offset: int = 0, report: bool = False) -> Sentence:
    """Tokens, repairs, chunks and polarities of one text."""
    tokens = repair(join_prefixes(tokenise(raw, vocabulary().rewrites)))
    while tokens and tokens[-1].text == "x?":
        tokens.pop()
    chunks = chunk(tokens)
    return Sentence(raw, tokens, chunks, read(chunks, tokens, report=report), offset)


def counterfactuals(affirmed: Sequence[Mention], negated: Sequence[Mention]) -> tuple[str, ...]:
    """For each unwanted finding, the sentence that asks for it together with all wanted ones."""
    wanted = " and ".join(mention.text for mention in affirmed)
    return tuple(
        f"{wanted} and {mention.text}" if wanted else f"chest x-ray with {mention.text}"
        for mention in negated
    )


def mentions_of(sentence: Sentence) -> Iterator[Mention]:
    """The mentions of a sentence in reading order, those that normality implies after their statement."""
    for draft in sentence.reading.drafts:
        mention = _mention(draft, sentence)
        yield mention
        if mention.polarity == "affirmed" and mention.finding is not None:
            yield from _implied(mention, sentence.words((draft.piece.first, draft.piece.end)))


def _mention(draft: Draft, sentence: Sentence) -> Mention:
    piece, scope = draft.piece, draft.scope
    finding = lexicon().finding(piece.match.finding) if piece.match else None
    head = _head(piece, sentence)
    modifiers = tuple(dict.fromkeys(_plain(word) for word in draft.words))
    corrected = _corrected(piece, sentence)
    return Mention(
        text=" ".join((*modifiers, head)),
        polarity=scope.polarity,
        finding=finding.id if finding else None,
        modifiers=modifiers,
        strength=scope.strength,
        cue=sentence.words(scope.cue) if scope.cue else None,
        cue_span=sentence.span(scope.cue) if scope.cue else None,
        span=sentence.span((piece.first, piece.end)),
        origin="unknown" if finding is None else "fuzzy" if corrected else "lexicon",
        corrected_from=corrected if finding else None,
        reason=scope.reason,
    )


def _head(piece: Chunk, sentence: Sentence) -> str:
    """The lexicon's prompt, or the user's own words where they are unknown or generic."""
    if piece.match is None:
        return sentence.words(piece.unknown or (piece.first, piece.end))
    finding = lexicon().finding(piece.match.finding)
    if finding.kind == "generic":
        return sentence.words((piece.match.first, piece.match.end)).lower()
    return finding.prompt


def _plain(word: str) -> str:
    """The adjective of an adverb: "mildly" enlarged is "mild" cardiomegaly."""
    return word[:-2] if word.endswith("ly") and word[:-2] in vocabulary().modifiers else word


def _corrected(piece: Chunk, sentence: Sentence) -> str | None:
    words = [token.original for token in sentence.tokens[piece.first : piece.end] if token.original]
    return " ".join(words) or None


def _implied(mention: Mention, statement: str) -> Iterator[Mention]:
    if mention.finding is None:
        return
    for absent in lexicon().finding(mention.finding).implies_absent:
        yield Mention(
            text=" ".join((*mention.modifiers, lexicon().finding(absent).prompt)),
            polarity="negated",
            finding=absent,
            modifiers=mention.modifiers,
            strength="weak",
            cue=statement,
            cue_span=mention.span,
            span=mention.span,
            origin="implied",
            reason="normality",
        )


def drop_generic(mentions: Iterable[Mention]) -> list[Mention]:
    """Without a wanted "finding" or "disease" beside a finding that has a name."""
    found = list(mentions)
    if not any(mention.finding != "abnormality" for mention in found):
        return found
    return [
        mention
        for mention in found
        if not (mention.finding == "abnormality" and mention.polarity != "negated" and not mention.modifiers)
    ]


def distinct(mentions: Iterable[Mention]) -> Iterator[Mention]:
    """Each finding once per polarity and wording."""
    seen = set()
    for mention in mentions:
        mark = (mention.text, mention.polarity)
        if mark not in seen:
            seen.add(mark)
            yield mention


def _of(sentence: Sentence, kind: str) -> list[Chunk]:
    return [piece for piece in sentence.chunks if piece.kind == kind]


def _warnings(sentence: Sentence, mentions: Sequence[Mention]) -> Iterator[QueryWarning]:
    for token in sentence.tokens:
        if token.original:
            message = f"interpreted {token.original!r} as {token.text!r}"
            yield QueryWarning(code="typo_corrected", message=message, span=(token.start, token.end))
    for piece in _of(sentence, "phrase"):
        yield from _phrase_warnings(piece, sentence)
    for code, at in dict.fromkeys(sentence.reading.notes):
        yield QueryWarning(
            code=code, message=_MESSAGES[code].format(words=sentence.words(at)), span=sentence.span(at)
        )
    for piece in _of(sentence, "filler"):
        message = f"{sentence.words((piece.first, piece.end))!r} has no influence on the search"
        yield QueryWarning(
            code="ignored_words", message=message, span=sentence.span((piece.first, piece.end))
        )
    yield from _contradictions(mentions)
    if not mentions:
        yield QueryWarning(
            code="nothing_found", message="no finding was recognised; the words are searched as they are"
        )


def _phrase_warnings(piece: Chunk, sentence: Sentence) -> Iterator[QueryWarning]:
    span = sentence.span((piece.first, piece.end))
    if piece.readings:
        meanings = " or ".join(reading.replace("_", " ") for reading in piece.readings)
        message = f"{sentence.words((piece.first, piece.end))!r} may mean {meanings}; write the one you mean"
        yield QueryWarning(code="ambiguous_abbreviation", message=message, span=span)
    elif piece.match is None:
        words = sentence.words(piece.unknown or (piece.first, piece.end))
        message = f"{words!r} is not in the lexicon; it is searched as it is"
        yield QueryWarning(code="unknown_concept", message=message, span=span)
    elif piece.strange:
        message = f"{' '.join(piece.strange)!r} is not in the lexicon; it is kept as a modifier"
        yield QueryWarning(code="unknown_concept", message=message, span=span)


def _contradictions(mentions: Sequence[Mention]) -> Iterator[QueryWarning]:
    wanted = {
        (mention.finding or mention.text, mention.modifiers)
        for mention in mentions
        if mention.polarity == "affirmed"
    }
    for mention in mentions:
        if mention.polarity == "negated" and (mention.finding or mention.text, mention.modifiers) in wanted:
            message = f"{mention.text!r} is both wanted and unwanted"
            yield QueryWarning(code="contradiction", message=message, span=mention.span)
