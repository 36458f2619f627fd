"""A text with its tokens, chunks and reading: everything that is known of it before it becomes a query."""

from __future__ import annotations

from dataclasses import dataclass, replace

from medneg.query.attach import mark_settings
from medneg.query.brackets import in_quotes, quoted, unpaired
from medneg.query.chunks import chunk
from medneg.query.cues import vocabulary
from medneg.query.grammar import read
from medneg.query.normalise import Token, tokenise
from medneg.query.operators import mark_operators
from medneg.query.pieces import Chunk
from medneg.query.repair import join_prefixes, repair
from medneg.query.scope import Reading, Tokens
from medneg.values import Span


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


def read_sentence(raw: str, *, offset: int = 0, report: bool = False) -> Sentence:
    """Tokens, repairs, chunks and polarities of one text."""
    tokens = repair(join_prefixes(tokenise(raw, vocabulary().rewrites)), raw)
    _end_questions(tokens)
    mark_operators(tokens, raw)
    quotes, _ = quoted(raw)
    chunks = chunk(tokens, list(in_quotes(tokens, quotes)))
    mark_settings(chunks, tokens)
    reading = read(chunks, tokens, report=report)
    reading.notes += [("unbalanced", at) for at in unpaired(tokens)]
    return Sentence(raw, tokens, chunks, reading, offset)


def _end_questions(tokens: list[Token]) -> None:
    """Let the mark of a whole question end it: "is there an effusion?"; "effusion? mass" doubts the first."""
    asking = vocabulary().asking
    asks = bool(tokens) and tokens[0].text in asking
    for place, token in enumerate(tokens):
        if token.text == "x?" and (asks or place == len(tokens) - 1):
            tokens[place] = replace(token, text=".", stem=".")
        elif token.text in {".", ";"}:
            asks = place + 1 < len(tokens) and tokens[place + 1].text in asking
