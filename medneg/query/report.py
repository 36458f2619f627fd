"""Reports to mentions: the query's grammar with the conventions of reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from medneg.query.chunks import chunk
from medneg.query.cues import vocabulary
from medneg.query.grammar import read
from medneg.query.lexicon import lexicon
from medneg.query.mentions import mentions_of
from medneg.query.normalise import Token, singular, tokenise
from medneg.query.pieces import Chunk
from medneg.query.repair import join_prefixes, repair
from medneg.query.report_text import SectionName, sections, sentences
from medneg.query.report_wording import reworded, without_masks
from medneg.query.sentence import Sentence
from medneg.values import Mention, Polarity, Span

_INSIDE = frozenset({"within", "in", "inside", "around", "near", "behind", "along"})
_DEFINITE = frozenset({"the", "this", "these", "that"})
_STAND_IN = "zzphrase"
"""A word that no lexicon knows, in the place of a phrase whose polarity is asked for."""


def read_report(text: str) -> tuple[Mention, ...]:
    """What a report says of each finding that the lexicon knows.

    Indication, history, comparison and technique are not findings and are skipped. Words that the lexicon
    lacks are left out; what a statement of normality denies is in, with ``origin`` "implied".

    Args:
        text: a report, with or without section headings; any text is one.

    Returns:
        Mentions in reading order; their spans are offsets into ``text``.

    Example:
        >>> found = read_report("HISTORY: pneumonia. FINDINGS: Small left effusion. No pneumothorax.")
        >>> [(mention.text, mention.polarity) for mention in found]
        [('small left pleural effusion', 'affirmed'), ('pneumothorax', 'negated')]
    """
    return tuple(mention for _, _, mention in read_sections(text))


def read_sections(text: str) -> Iterator[tuple[SectionName, Span, Mention]]:
    """The mentions of ``read_report``, each with its section and the span of its sentence."""
    plain, rewrites = without_masks(text), vocabulary().rewrites
    for section in sections(plain):
        for start, end in sentences(plain, section.start, section.end):
            for mention in mentions_of(
                _sentence(text[start:end], _mended(tokenise(plain[start:end], rewrites)), start)
            ):
                if mention.finding is not None and not _says_nothing(mention, text[start:end], start):
                    yield section.name, (start, end), mention


def polarity_of(sentence: str, span: Span) -> Polarity:
    """What a sentence says of any words in it, known to the lexicon or not.

    Args:
        sentence: one sentence of a report.
        span: where the words stand, ``sentence[start:end]``.

    Raises:
        ValueError: the span holds no word of the sentence.

    Example:
        >>> polarity_of("Denies chest pain, but has fever.", (7, 17))
        'negated'
    """
    start, end = span
    if not (0 <= start < end <= len(sentence) and sentence[start:end].strip()):
        raise ValueError(f"the span must hold words of the sentence's {len(sentence)} characters; got {span}")
    plain = without_masks(sentence[:start]) + sentence[start:end] + without_masks(sentence[end:])
    raw: list[Token] = []
    for token in tokenise(plain, vocabulary().rewrites):
        if token.end <= start or token.start >= end:
            raw.append(token)
        elif not raw or raw[-1].text != _STAND_IN:
            raw.append(replace(token, text=_STAND_IN, stem=_STAND_IN))
    tokens = _mended(raw)
    for draft in _sentence(sentence, tokens, 0).reading.drafts:
        if any(token.text == _STAND_IN for token in tokens[draft.piece.first : draft.piece.end]):
            return draft.scope.polarity
    return "affirmed"


def _mended(tokens: list[Token]) -> list[Token]:
    return reworded(_whole(repair(join_prefixes(tokens))))


def _whole(tokens: Sequence[Token]) -> list[Token]:
    """Undo the parting of "nondistended": in a report it describes, and denies nothing that follows."""
    whole: list[Token] = []
    for token in tokens:
        before = whole[-1] if whole else None
        if (
            before is not None
            and before.text == "non"
            and (before.start, before.end) == (token.start, token.end)
        ):
            word = (before.original or "").lower()
            whole[-1] = replace(before, text=word, stem=singular(word))
        else:
            whole.append(token)
    return whole


def _sentence(raw: str, tokens: list[Token], offset: int) -> Sentence:
    chunks = [piece for piece in chunk(tokens, asides=False) if not _is_idle(piece)]
    _look_ahead(chunks)
    _part_places(chunks, tokens)
    return Sentence(raw, tokens, chunks, read(chunks, tokens, report=True), offset)


def _is_idle(piece: Chunk) -> bool:
    """Whether it decides nothing in a report: "consistent with", or a place that belongs to no phrase."""
    if piece.kind == "modifiers":
        return any(vocabulary().modifiers.get(word) != "side" for word in piece.words)
    return piece.kind == "cue" and all(cue.kind == "noop" for cue in piece.cues)


def _look_ahead(chunks: Sequence[Chunk]) -> None:
    """Let a doubt that stands between two phrases speak of the later one: "opacity, *likely* atelectasis"."""
    spoken = [piece for piece in chunks if piece.kind not in {"stop", "filler", "context"}]
    for piece, following in pairwise(spoken):
        forward = tuple(cue for cue in piece.cues if cue.kind == "unc")
        if piece.kind == "cue" and forward and following.kind == "phrase":
            piece.cues = forward


def _part_places(chunks: Sequence[Chunk], tokens: Sequence[Token]) -> None:
    """End a statement before a finding that is only its place: "no calcification *within the* nodule"."""
    for preposition, article, place in zip(chunks, chunks[1:], chunks[2:], strict=False):
        words = tokens[preposition.first].text, tokens[article.first].text
        if (
            preposition.kind == "stop"
            and words[0] in _INSIDE
            and words[1] in _DEFINITE
            and place.match is not None
        ):
            preposition.kind = "break"


def _says_nothing(mention: Mention, sentence: str, offset: int) -> bool:
    """Whether it only announces something ("findings"), or calls words normal that the lexicon lacks."""
    finding = lexicon().finding(mention.finding or "")
    if finding.id == "normal_chest" or (mention.reason == "normality" and finding.kind == "generic"):
        first, end = mention.span or (offset, offset)
        return " " in sentence and " " not in sentence[first - offset : end - offset]
    return finding.kind == "generic" and mention.polarity != "negated"
