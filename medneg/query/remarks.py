"""What the author of a query should know about its reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from medneg.query.brackets import quoted
from medneg.query.pieces import Chunk
from medneg.query.repair import is_doubtful
from medneg.query.sentence import Sentence
from medneg.values import Mention, QueryWarning

REVIEW = frozenset(
    {
        "unknown_concept",
        "and_in_negative_scope",
        "ambiguous_comma",
        "ambiguous_abbreviation",
        "contradiction",
        "nothing_found",
        "filter_refused",
        "negated_conjunction",
        "unbalanced",
        "ambiguous_dash",
        "and_before_cue",
        "unjoined",
        "unread_words",
        "doubtful_repair",
    }
)
_MESSAGES = {
    "and_in_negative_scope": '{words!r} follows an "and" inside a negation and is read as unwanted',
    "ambiguous_comma": 'the comma ends the negation, so {words!r} is wanted; write "or" to exclude it',
    "double_negation": "{words!r} is read as a double negation, so what it speaks of is wanted",
    "exception_flip": "{words!r} is read as an exception, so what follows is wanted",
    "negated_conjunction": "{words!r} is left out by itself too: a NOT before a parenthesis leaves out "
    "images that show any one of its members, not only those that show all",
    "and_before_cue": '{words!r} is read as speaking of all findings that "and" joins before it',
    "unjoined": "{words!r} follows an unwanted finding with nothing between, and is unwanted too",
    "or_of_wanted": "{words!r} asks for either; images with both come first",
    "unbalanced": "{words!r} has no partner and is not used",
}


def context_words(sentence: Sentence) -> tuple[str, ...]:
    """The words that tell of views and persons, as they stand in the text."""
    return tuple(sentence.words((piece.first, piece.end)) for piece in _of(sentence, "context"))


def ignored_words(sentence: Sentence) -> tuple[str, ...]:
    """The words of content that have no influence on the search, as they stand in the text."""
    silent = ((piece.first, piece.end) for piece in _of(sentence, "filler", "aside"))
    return tuple(sentence.words(at) for at in sorted((*silent, *sentence.reading.spare)))


def _of(sentence: Sentence, *kinds: str) -> list[Chunk]:
    return [piece for piece in sentence.chunks if piece.kind in kinds]


def remarks(sentence: Sentence, mentions: Sequence[Mention]) -> Iterator[QueryWarning]:
    """Warnings about one reading: repairs, unknown and unread words, ambiguities, contradictions."""
    yield from _repairs(sentence)
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
    for at in (*((piece.first, piece.end) for piece in _of(sentence, "aside")), *sentence.reading.spare):
        words, span = sentence.words(at), sentence.span(at)
        message = f"{words!r} is not searched; put it in quotes if it should be"
        yield QueryWarning(code="unread_words", message=message, span=span)
    for dash, after in pairwise(sentence.chunks):
        if dash.kind == "break" and after.kind == "phrase" and sentence.words((dash.first, dash.end)) == "-":
            span = sentence.span((dash.first, dash.end))
            message = "a dash between blanks parts two wishes; write -word to exclude a finding"
            yield QueryWarning(code="ambiguous_dash", message=message, span=span)
    for start, end in quoted(sentence.raw)[1]:
        message = _MESSAGES["unbalanced"].format(words=sentence.raw[start:end])
        yield QueryWarning(code="unbalanced", message=message, span=(start, end))
    yield from _contradictions(mentions)
    if not mentions:
        yield QueryWarning(
            code="nothing_found", message="no finding was recognised; the words are searched as they are"
        )


def _repairs(sentence: Sentence) -> Iterator[QueryWarning]:
    for (start, end, original), tokens in groupby(
        sentence.tokens, key=lambda token: (token.start, token.end, token.original)
    ):
        if original is None:
            continue
        better = " ".join(token.text for token in tokens)
        code = "doubtful_repair" if is_doubtful(original, better.replace(" ", "")) else "typo_corrected"
        message = f"interpreted {original!r} as {better!r}"
        yield QueryWarning(code=code, message=message, span=(start, end))


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
    wanted = {frozenset(mention.text.split()) for mention in mentions if mention.polarity == "affirmed"}
    for mention in mentions:
        if mention.polarity == "negated" and frozenset(mention.text.split()) in wanted:
            message = f"{mention.text!r} is both wanted and unwanted"
            yield QueryWarning(code="contradiction", message=message, span=mention.span)
