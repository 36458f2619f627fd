"""Reports to mentions: sections, sentences, and the query's grammar with the conventions of reports."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medneg.query.lexicon import lexicon
from medneg.query.reading import mentions_of, read_sentence
from medneg.values import Mention

_READ = "findings?|impressions?|conclusions?|opinion|interpretation|report|result|results|summary|assessment"
_SKIPPED = (
    "indications?|history|clinical (?:history|information|indication|details)"
    "|reason for (?:the )?(?:exam|examination|study)|comparisons?|techniques?|procedure|exam|examination"
    "|study|views?|recommendations?|notification"
)
_HEADER = re.compile(rf"(?im)(?:^|(?<=[.\n])) *(?:(?P<read>{_READ})|(?P<skipped>{_SKIPPED})) *:")
_SENTENCE = re.compile(r"(?:[^.!?;\n]|(?<=\d)\.(?=\d)|\n(?!\s*(?:\n|[-*•]|\d+[.)])))+")
_LONGEST_SENTENCE = 2000


def read_report(text: str) -> tuple[Mention, ...]:
    """What a report says of each finding that the lexicon knows.

    Indication, history, comparison and technique are not findings and are skipped. Words that the lexicon
    lacks are left out; what a statement of normality denies is in, with ``origin`` "implied".

    Args:
        text: a report, with or without section headings.

    Returns:
        Mentions in reading order; their spans are offsets into ``text``.

    Example:
        >>> found = read_report("HISTORY: pneumonia. FINDINGS: Small left effusion. No pneumothorax.")
        >>> [(mention.text, mention.polarity) for mention in found]
        [('small left pleural effusion', 'affirmed'), ('pneumothorax', 'negated')]
    """
    return tuple(mention for start, end in _sentences(text) for mention in _read(text[start:end], start))


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    for first, last in _sections(text):
        for found in _SENTENCE.finditer(text, first, last):
            for start in range(found.start(), found.end(), _LONGEST_SENTENCE):
                yield start, min(start + _LONGEST_SENTENCE, found.end())


def _sections(text: str) -> Iterator[tuple[int, int]]:
    """The stretches of the text that report what is seen."""
    start, reads = 0, True
    for header in _HEADER.finditer(text):
        if reads:
            yield start, header.start()
        start, reads = header.end(), header.group("read") is not None
    if reads:
        yield start, len(text)


def _read(sentence: str, offset: int) -> Iterator[Mention]:
    for mention in mentions_of(read_sentence(sentence, offset=offset, report=True)):
        if mention.finding is not None and not _says_nothing(mention):
            yield mention


def _says_nothing(mention: Mention) -> bool:
    """Whether it only announces something ("findings", "process"); its negation is a statement."""
    return lexicon().finding(mention.finding or "").kind == "generic" and mention.polarity != "negated"
