"""``refine``: words that were not understood, read again as the finding that they are nearest to.

``parse`` repairs a word at a time and leaves alone what English has ("plural a fusion"). This looks at
stretches of words, in letters and in sound, and says of every repair how likely it is right: generative
semantic refinement as ReEx has it (docs/explanation/reex.md), with the lexicon in the language model's place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import groupby

from medneg.query.candidates import Candidate, nearest, repair_confidence
from medneg.query.cues import everyday_words, vocabulary
from medneg.query.everyday import common_words
from medneg.query.filters import split_filters
from medneg.query.lexicon import key, lexicon
from medneg.query.mended import Mended, put_back
from medneg.query.names import LETTERS
from medneg.query.normalise import singular
from medneg.query.reading import parse, typed
from medneg.query.repair import guarded_words, is_term
from medneg.query.sentence import Sentence, read_sentence
from medneg.query.stretches import stretches
from medneg.values import Mention, Query, Repair, Span

LEAST = 0.7
"""The confidence from which on a stretch of words is read again."""

LEAST_SURE = 0.75
"""The same where all of its words are English, or where it would name nothing."""

SHORT_FORM, AMBIGUOUS = 0.98, 0.5
"""How likely a short form means what the lexicon says, with one meaning there and with several."""

_LONGEST_SHORT_FORM = 4
_VOWEL = re.compile("[aeiou]")


@lru_cache(maxsize=4096)
def refine(query: Query) -> Query:
    """A query with its repairs, and with the findings that they reveal.

    Args:
        query: of any parser. One that the grammar read is read again where words that it did not understand
            are near a finding's; one that was edited by hand, or that a language model read, keeps its
            mentions and is told how sure the repairs in them are.

    Returns:
        The same query where nothing was repaired.

    Example:
        >>> [mention.text for mention in refine(parse("plural a fusion without pacemakr")).mentions]
        ['pleural effusion', 'pacemaker']
    """
    if query.repairs or not query.raw.strip():
        return query
    words, filters, refused = split_filters(query.raw)
    sentence = read_sentence(words)
    found = tuple(_revealed(sentence)) if query == parse(query.raw) else ()
    if not found:
        return replace(query, repairs=_ordered(_known(query, sentence)))
    mended = Mended(words, found)
    sentence = read_sentence(mended.text)
    again = typed(mended.text, sentence, filters, refused)
    own = (each for each in _known(again, sentence) if not mended.touches(each.span))
    kept = (replace(each, span=mended.back(each.span)) for each in own)
    return replace(put_back(again, query.raw, mended), repairs=_ordered((*kept, *found)))


def _ordered(repairs: tuple[Repair, ...]) -> tuple[Repair, ...]:
    return tuple(sorted(repairs, key=lambda each: each.span))


def _known(query: Query, sentence: Sentence) -> tuple[Repair, ...]:
    """The repairs that the grammar made, and the short forms that it knows."""
    typos = tuple(_typos(sentence))
    taken = [each.span for each in typos]
    return (*typos, *(each for each in _short_forms(query) if _is_free(each.span, taken)))


def _typos(sentence: Sentence) -> Iterator[Repair]:
    for (start, end, original), tokens in groupby(
        sentence.tokens, key=lambda token: (token.start, token.end, token.original)
    ):
        if original is not None:
            better = " ".join(token.text for token in tokens)
            sure = repair_confidence(original, better.replace(" ", ""))
            yield Repair(original=sentence.raw[start:end], better=better, span=(start, end), confidence=sure)


def _short_forms(query: Query) -> Iterator[Repair]:
    """Findings named by a short form, which text towers seldom know: "PTX", "pl eff"."""
    doubtful = {warning.span for warning in query.warnings if warning.code == "ambiguous_abbreviation"}
    for mention in query.mentions:
        if mention.finding is None or mention.span is None or mention.finding not in lexicon():
            continue
        words, prompt = query.raw[slice(*mention.span)], lexicon().finding(mention.finding).prompt
        better = _without(mention, query.raw[: mention.span[0]] + query.raw[mention.span[1] :])
        short = any(_is_short(word, prompt) for word in LETTERS.findall(words))
        if short and mention.origin != "implied" and better.lower() != words.lower():
            sure = AMBIGUOUS if mention.span in doubtful else SHORT_FORM
            yield Repair(original=words, better=better, span=mention.span, confidence=sure)


def _without(mention: Mention, others: str) -> str:
    """A mention's words less the modifiers that stand elsewhere in the query."""
    elsewhere = set(_words(others))
    modifiers = [each for each in mention.modifiers if each not in elsewhere]
    return " ".join((*modifiers, *mention.text.split()[len(" ".join(mention.modifiers).split()) :]))


def _words(text: str) -> list[str]:
    return [word.lower() for word in LETTERS.findall(text)]


def _is_short(word: str, prompt: str) -> bool:
    """Whether a word is the beginning of one of the prompt's, or letters that cannot be spoken."""
    low = word.lower()
    if low in key(prompt) or singular(low) in key(prompt) or _is_english(low):
        return False
    begins = any(whole.startswith(low) and len(low) < len(whole) - 1 for whole in key(prompt))
    return begins or (len(low) <= _LONGEST_SHORT_FORM and (word.isupper() or not _VOWEL.search(low)))


def _is_english(word: str) -> bool:
    known = word in guarded_words() or word in everyday_words() or word in common_words()
    return known or word in vocabulary().stop or word in vocabulary().modifiers


def _revealed(sentence: Sentence) -> Iterator[Repair]:
    """Findings in words that were not understood: the stretches that tell most, none over another."""
    spans = [sentence.span(at) for at in stretches(sentence)]
    if not spans:
        return
    windows = tuple(sentence.raw[start:end] for start, end in spans)
    rows = [
        (len(candidate.name) * (candidate.confidence - LEAST), span, window, candidate)
        for span, window, candidate in zip(spans, windows, nearest(windows), strict=True)
        if candidate.confidence > _least(window, candidate)
    ]
    taken: list[Span] = []
    for _, span, window, candidate in sorted(rows, key=lambda row: (-row[0], row[1])):
        if _is_free(span, taken):
            taken.append(span)
            yield Repair(original=window, better=candidate.words, span=span, confidence=candidate.confidence)


def _least(window: str, candidate: Candidate) -> float:
    """The confidence that it takes to read words again; one English word never becomes a finding."""
    words = [word for word in _words(window) if word not in vocabulary().stop]
    english = all(is_term(word) or _is_english(word) for word in words)
    if english and candidate.finding and len(words) < 2:
        return 1.0
    return LEAST_SURE if english or not candidate.finding else LEAST


def _is_free(span: Span, taken: list[Span]) -> bool:
    return all(span[1] <= other[0] or other[1] <= span[0] for other in taken)
