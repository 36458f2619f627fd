"""Words of everyday English around a finding (who asks, what for) are set aside, and said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from medneg.query.cues import vocabulary
from medneg.query.normalise import Token, singular
from medneg.query.pieces import Chunk

_GOVERNS = frozenset({"neg", "unc", "hist", "except", "none"})
_ANSWERS = frozenset({"postneg", "postunc"})
_SHOWS = frozenset(
    ["with", "showing", "shows", "has", "have", "having", "demonstrating", "containing", "contains", "called"]
)
_OWNERS = frozenset({"my", "our", "your", "his", "her", "their"})
_SILENT = frozenset({"stop", "filler"})
_SHORT = 4


def set_aside(chunks: Sequence[Chunk], tokens: Sequence[Token]) -> None:
    """Set unknown words aside that everyday English has and a radiograph has not: "for my viva".

    They stay as phrases where the sentence makes a finding of them: behind a negation or a "with", before
    an "absent", in quotes, and where nothing else is named.
    """
    runs = list(_runs(chunks))
    plain = [run for run in runs if _is_plain(run, chunks, tokens)]
    others = any(piece.kind == "phrase" for piece in chunks) and len(plain) < sum(
        piece.kind == "phrase" and piece.unknown is None for piece in chunks
    ) + len(runs)
    for first, end in plain if others else ():
        if not _is_wanted(first, end, chunks, tokens):
            for piece in chunks[first:end]:
                piece.kind, piece.unknown = "aside", None


def _runs(chunks: Sequence[Chunk]) -> list[tuple[int, int]]:
    """Neighbouring phrases that the lexicon lacks."""
    runs: list[tuple[int, int]] = []
    for place, piece in enumerate(chunks):
        if piece.kind != "phrase" or piece.unknown is None or piece.readings or piece.quoted:
            continue
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _is_plain(run: tuple[int, int], chunks: Sequence[Chunk], tokens: Sequence[Token]) -> bool:
    words = [token.text for piece in chunks[slice(*run)] for token in tokens[piece.first : piece.end]]
    if all(is_everyday(word) for word in words):
        return True
    if run[1] < len(chunks) and chunks[run[1]].kind == "context" and run[1] - run[0] == 1:
        return True
    owned = run[0] > 0 and tokens[chunks[run[0] - 1].first].text in _OWNERS
    return owned and len(words) == 1 and len(words[0]) <= _SHORT and words[0] not in vocabulary().visible


def _is_wanted(first: int, end: int, chunks: Sequence[Chunk], tokens: Sequence[Token]) -> bool:
    after = end
    while after < len(chunks) and chunks[after].kind in _SILENT:
        after += 1
    if after < len(chunks) and any(cue.kind in _ANSWERS for cue in chunks[after].cues):
        return True
    if after == end < len(chunks) and chunks[after].kind == "phrase":
        return False
    before = first - 1
    while before >= 0 and chunks[before].kind in _SILENT and not _shows(chunks[before], tokens):
        before -= 1
    if before < 0:
        return False
    return _shows(chunks[before], tokens) or any(cue.kind in _GOVERNS for cue in chunks[before].cues)


def _shows(piece: Chunk, tokens: Sequence[Token]) -> bool:
    return piece.kind in {"stop", "cue"} and tokens[piece.end - 1].text in _SHOWS


def is_everyday(word: str) -> bool:
    """Whether a word is common in English and names nothing that a radiograph could show.

    Example:
        >>> is_everyday("mortgage"), is_everyday("necklace"), is_everyday("sulcus")
        (True, False, False)
    """
    both = {word, singular(word)}
    return not common_words().isdisjoint(both) and vocabulary().visible.isdisjoint(both)


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """The most frequent words of English, medical ones included."""
    text = files("medneg.assets").joinpath("common_words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
