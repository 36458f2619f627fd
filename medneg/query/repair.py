"""Typo repair: one edit in short words, two in long ones, a missing blank, and never a word that English has.

Distance is optimal string alignment (insertions, deletions, substitutions, swaps of neighbours; Boytsov,
ACM J. Exp. Algorithmics 16, 2011).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files

from medneg.query.cues import everyday_words, vocabulary
from medneg.query.lexicon import key, lexicon
from medneg.query.normalise import IRREGULAR, Token, singular, spelled

_SHORTEST = 4
_TWO_EDITS_FROM = 7
_SURE_TWO_EDITS_FROM = 9
_GLUED = frozenset(
    ["no", "not", "with", "without", "and", "or", "but", "the", "of", "left", "right", "minus"]
)
_AUXILIARIES = ("does", "do", "did", "is", "are", "was", "were", "has", "have", "had", "could", "should")
_COMMONEST = (
    "without",
    "with",
    "neither",
    "absent",
    "absence",
    "evidence",
    "unlikely",
    "except",
    "excluding",
)
_SHORTEST_GLUED = 6


def repair(tokens: Sequence[Token], raw: str = "") -> list[Token]:
    """Replace misspelt words; a replaced token keeps its span and remembers its ``original``.

    Args:
        tokens: of a text.
        raw: the text; short words in capitals among small letters are abbreviations and stay.
    """
    shouted = raw.isupper()
    repaired: list[Token] = []
    for token in tokens:
        word = raw[token.start : token.end]
        is_short_form = word.isupper() and not shouted and len(word) < _SHORTEST_GLUED
        better = () if is_short_form or len(token.text) < _SHORTEST else _better(token.text)
        repaired += [Token(new, singular(new), token.start, token.end, token.text) for new in better] or [
            token
        ]
    return repaired


def join_prefixes(tokens: Sequence[Token]) -> list[Token]:
    """Make one word of "non displaced", "pneumo thorax" and "atel ectasis" where the joined word is known."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if last is not None and _is_torn(last.text, token.text):
            text = last.text + token.text
            joined[-1] = Token(text, singular(text), last.start, token.end)
        else:
            joined.append(token)
    return joined


def _is_torn(first: str, second: str) -> bool:
    both = first + second
    if both not in known_words() or both in vocabulary().rewrites or not second.isalpha():
        return False
    return first in vocabulary().prefixes or not (is_known(first) and is_known(second))


def is_term(word: str) -> bool:
    """Whether the lexicon or the grammar has this word."""
    return word in known_words() or singular(word) in known_words()


def is_known(word: str) -> bool:
    """Whether the lexicon, the grammar or English has this word."""
    return is_term(word) or word in guarded_words() or word in everyday_words()


@lru_cache(maxsize=1024)
def is_doubtful(word: str, better: str) -> bool:
    """Whether a repair went far for so short a word, or another word is as near."""
    from rapidfuzz.distance import OSA

    edits = OSA.distance(word, better)
    if len(word) <= _SHORTEST or (edits > 1 and len(word) < _SURE_TWO_EDITS_FROM):
        return True
    rivals = (each for each in targets().get(better[0], ()) if singular(each) != singular(better))
    return edits > 0 and any(
        OSA.distance(word, each, score_cutoff=edits) <= edits and singular(each) in _lexicon_stems()
        for each in rivals
    )


@lru_cache(maxsize=4096)
def _better(word: str) -> tuple[str, ...]:
    """The words that a misspelt one must be; none where it may stay."""
    if is_known(word):
        return ()
    if word.endswith(("n't", "n’t")):
        return _contracted(word)
    parts = _parted(word)
    if parts:
        return parts
    better = correction(word)
    if better is None:
        return _parted(word, exact=False)
    return ("can", "not") if better == "cannot" else (better,)


def _contracted(word: str) -> tuple[str, ...]:
    """A misspelt "doesn't" as its verb and "not"."""
    from rapidfuzz.distance import OSA

    verb = word[:-3]
    near = min(_AUXILIARIES, key=lambda each: OSA.distance(verb, each))
    return (near, "not") if OSA.distance(verb, near) == 1 else ()


def _parted(word: str, *, exact: bool = True) -> tuple[str, ...]:
    """Two words without the blank between them: "noeffusion", "chesttube"; misspelt ones behind a cue."""
    if len(word) < _SHORTEST_GLUED or not word.isalpha():
        return ()
    for end in range(len(word) - 3, 1, -1):
        first, second = word[:end], word[end:]
        known = first in vocabulary().modifiers or (len(first) > 2 and _is_name(first))
        if exact and _is_name(second) and (first in _GLUED or (len(second) >= _SHORTEST and known)):
            return first, second
        if exact and second in _GLUED and len(first) > _SHORTEST and _is_name(first):
            return first, second
        mended = correction(second) if not exact and first in _GLUED and len(second) > _SHORTEST else None
        if mended is not None and _is_name(mended):
            return first, mended
    return ()


def _is_name(word: str) -> bool:
    return singular(word) in _lexicon_stems()


@lru_cache(maxsize=4096)
def correction(word: str) -> str | None:
    """The known word that a misspelt one must be, or None.

    Example:
        >>> correction("effusoin"), correction("wtihout"), correction("ankle")
        ('effusion', 'without', None)
    """
    from rapidfuzz.distance import OSA

    if is_known(word):
        return None
    limit = 2 if len(word) >= _TWO_EDITS_FROM else 1
    best, nearest = None, (limit + 1, False)
    for first in dict.fromkeys(word[:2]):
        for candidate in targets().get(first, ()):
            if abs(len(candidate) - len(word)) > limit or not _same_start(word, candidate):
                continue
            # Of two equally near words, one that only has its letters swapped is the likelier.
            edits = OSA.distance(word, candidate, score_cutoff=limit)
            distance = (edits, edits > 0 and sorted(word) != sorted(candidate))
            if distance < nearest:
                best, nearest = candidate, distance
    return best


def _same_start(word: str, candidate: str) -> bool:
    return word[0] == candidate[0] or word[:2] == candidate[1::-1]


@lru_cache(maxsize=1)
def known_words() -> frozenset[str]:
    """Every word of the lexicon and of the grammar, and their singulars."""
    words = {*_lexicon_words(), *vocabulary().words(), *vocabulary().rewrites}
    return frozenset(words | {singular(word) for word in words})


@lru_cache(maxsize=1)
def guarded_words() -> frozenset[str]:
    """English and clinical words within reach of a lexicon word that must stay as they are."""
    text = files("medneg.assets").joinpath("guarded_words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


@lru_cache(maxsize=1)
def targets() -> dict[str, tuple[str, ...]]:
    """Words to repair to, by first letter; of two equally near ones the earlier wins."""
    known = Counter(_lexicon_words())
    names = {stem for finding in lexicon().findings for stem in key(finding.name)}
    nouns = sorted(known, key=lambda word: (word not in names, -known[word], word))
    nouns += [word for word, one in IRREGULAR.items() if one in _lexicon_stems()]
    plurals = [
        noun[:-1] + "ies" if noun.endswith("y") else noun + "s" for noun in nouns if noun[-1] not in "sx"
    ]
    grammar = (*sorted(vocabulary().cues.words | {"cannot"}), *sorted(vocabulary().modifiers))
    by_letter: dict[str, dict[str, None]] = {}
    for word in (*_COMMONEST, *nouns, *grammar, *plurals, *sorted(vocabulary().stop)):
        if len(word) >= _SHORTEST and word.isalpha():
            by_letter.setdefault(word[0], {})[spelled(word)] = None
    return {letter: tuple(found) for letter, found in by_letter.items()}


@lru_cache(maxsize=1)
def _lexicon_stems() -> frozenset[str]:
    return frozenset(singular(word) for word in _lexicon_words() if len(word) > 2)


def _lexicon_words() -> Iterable[str]:
    for finding in lexicon().findings:
        for words in (
            finding.name,
            *finding.synonyms,
            *finding.kinds,
            *finding.absent_synonyms,
            *finding.parts,
            *finding.states,
        ):
            yield from key(words)
