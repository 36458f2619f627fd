"""Typo repair: one edit in short words, two in long ones, and never a word that English has.

Distance is optimal string alignment (insertions, deletions, substitutions, swaps of neighbours; Boytsov,
ACM J. Exp. Algorithmics 16, 2011).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files

from medneg.query.cues import vocabulary
from medneg.query.lexicon import key, lexicon
from medneg.query.normalise import Token, singular

_SHORTEST = 5
_TWO_EDITS_FROM = 7


def repair(tokens: Sequence[Token]) -> list[Token]:
    """Replace misspelt words; a replaced token keeps its span and remembers its ``original``."""
    return [better for token in tokens for better in _repaired(token)]


def join_prefixes(tokens: Sequence[Token]) -> list[Token]:
    """Make one word of "non displaced" and "pneumo thorax" where the joined word is known."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.text in vocabulary().prefixes
            and last.text + token.text in known_words()
        ):
            text = last.text + token.text
            joined[-1] = Token(text, singular(text), last.start, token.end)
        else:
            joined.append(token)
    return joined


def _repaired(token: Token) -> tuple[Token, ...]:
    better = correction(token.text) if len(token.text) >= _SHORTEST else None
    if better is None:
        return (token,)
    words = ("can", "not") if better == "cannot" else (better,)
    return tuple(Token(word, singular(word), token.start, token.end, token.text) for word in words)


def is_term(word: str) -> bool:
    """Whether the lexicon or the grammar has this word."""
    return word in known_words() or singular(word) in known_words()


def is_known(word: str) -> bool:
    """Whether the lexicon, the grammar or the guard list has this word."""
    return is_term(word) or word in guarded_words()


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
        for candidate in _targets().get(first, ()):
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
def _targets() -> dict[str, tuple[str, ...]]:
    """Words to repair to, by first letter; of two equally near ones the earlier wins."""
    singles = [finding.name for finding in lexicon().findings]
    singles += [words for finding in lexicon().findings for words in (*finding.synonyms, *finding.kinds)]
    nouns = [*(words.lower() for words in singles if " " not in words), *sorted(_lexicon_words())]
    cues = sorted(vocabulary().cues.words | {"cannot"})
    plurals = [noun[:-1] + "ies" if noun.endswith("y") else noun + "s" for noun in nouns]
    by_letter: dict[str, list[str]] = {}
    for word in dict.fromkeys(
        (*nouns, *cues, *sorted(vocabulary().modifiers), *plurals, *sorted(vocabulary().stop))
    ):
        if len(word) >= _SHORTEST - 1 and word.isalpha():
            by_letter.setdefault(word[0], []).append(word)
    return {letter: tuple(found) for letter, found in by_letter.items()}


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
