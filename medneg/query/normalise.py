"""Raw words to tokens: one spelling, one case, singular stems, and every token knows where it stood."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"(?P<short>(?<!\w)(?:w/out|w/o|b/l|r/o|h/o|s/p|c/w|d/t|and/or|w/|\+/-|[-+]ve)(?!\w)|\([-+]\))"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<word>[^\W\d_][^\W_]*(?:['’][^\W_]+)*)"
    r"|(?P<mark>[^\s\w])",
    re.IGNORECASE,
)
_SHORT_WITH = re.compile(r"(?i)w/")
_DASHES = "-‐‑‒–−"
_AFTER_LINK = re.compile(r"(?i)\b(?:and|but|or) $")
_NEGATED_VERB = re.compile(
    r"(?i)^(ca|wo|do|does|did|is|are|was|were|has|have|had|could|would|should)n['’]?t$"
)
_ENDING = re.compile(r"['’](?:s|ve|re|ll|d|m)$")
_VERB = {"ca": "can", "wo": "will"}
IRREGULAR = {
    "bullae": "bulla",
    "pneumothoraces": "pneumothorax",
    "metastases": "metastasis",
    "atelectases": "atelectasis",
    "bronchiectases": "bronchiectasis",
    "granulomata": "granuloma",
    "vertebrae": "vertebra",
    "apices": "apex",
    "bronchi": "bronchus",
    "hila": "hilum",
    "hili": "hilum",
    "pleurae": "pleura",
    "diagnoses": "diagnosis",
    "aortae": "aorta",
    "opacities": "opacity",
}
_SPELLINGS = (
    (re.compile(r"^oed"), "ed"),
    (re.compile(r"^oesoph"), "esoph"),
    (re.compile(r"haem"), "hem"),
    (re.compile(r"tumour"), "tumor"),
    (re.compile(r"ised$"), "ized"),
    (re.compile(r"isation$"), "ization"),
    (re.compile(r"aluminium"), "aluminum"),
)
_KEPT_MARKS = {
    ",": ",",
    ";": ";",
    ".": ".",
    ":": ":",
    "(": "(",
    ")": ")",
    ">": ">",
    "<": "<",
    "=": "=",
    "/": "/",
    "|": "or",
    "&": "and",
    "+": "+",
    "—": ";",
    "±": "+/-",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One normal word or mark, and the stretch of the raw text that it was.

    ``stem`` is the singular form, in which the lexicon is matched; ``original`` is the misspelt word
    that a repair replaced.
    """

    text: str
    stem: str
    start: int
    end: int
    original: str | None = None


@lru_cache(maxsize=8192)
def singular(word: str) -> str:
    """The singular of an English or Latin noun, well enough for matching both sides alike.

    Example:
        >>> [singular(word) for word in ("opacities", "masses", "bullae", "effusions", "pus")]
        ['opacity', 'mass', 'bulla', 'effusion', 'pus']
    """
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


@lru_cache(maxsize=8192)
def spelled(word: str) -> str:
    """Lower case, composed letters, American spelling, no "'s" and no "'ve"."""
    word = word.lower()
    if not word.isascii():
        word = unicodedata.normalize("NFKC", word)
    for pattern, replacement in _SPELLINGS:
        word = pattern.sub(replacement, word)
    return _ENDING.sub("", word)


def tokenise(raw: str, rewrites: Mapping[str, str]) -> list[Token]:
    """Split a text into normal tokens.

    Args:
        raw: any text.
        rewrites: what stands for a short form, by the short form ("rul" → "right upper lobe"). Each word of
            the replacement becomes a token with the span of the short form.

    Returns:
        Tokens in reading order; ``raw[token.start:token.end]`` is what the token was.

    Example:
        >>> [token.text for token in tokenise("RUL mass w/o Effusions", {"rul": "right upper lobe"})]
        ['right', 'upper', 'lobe', 'mass', 'without', 'effusions']
    """
    tokens: list[Token] = []
    for found in _TOKEN.finditer(raw):
        for text, start, end in _parts(found, raw):
            for word in rewrites.get(text, text).split():
                tokens.append(Token(word, singular(word), start, end))
    return tokens


def _parts(found: re.Match[str], raw: str) -> Iterator[tuple[str, int, int]]:
    start, end = found.span()
    if found.lastgroup == "mark":
        text = _mark(raw, start, end)
        if text is not None:
            yield text, start, end
        return
    word = found.group()
    negated = _NEGATED_VERB.match(word) if word[-1] in "tT" else None
    if negated is not None:
        verb = negated.group(1).lower()
        yield _VERB.get(verb, verb), start, start + len(verb)
        yield "not", start + len(verb), end
    elif word.lower() == "cannot":
        yield "can", start, start + 3
        yield "not", start + 3, end
    elif _SHORT_WITH.fullmatch(word):
        yield "with", start, end
    elif word.lower() in {"w/o", "w/out"}:
        yield "without", start, end
    else:
        yield spelled(word), start, end


def _mark(raw: str, start: int, end: int) -> str | None:
    mark = raw[start]
    before = raw[start - 1] if start else " "
    after = raw[end] if end < len(raw) else " "
    opens = before.isspace() or before in "(,;\"'"
    touches = after.isalnum() or after in "\"'(“"
    if mark in _DASHES:
        # "-X" excludes X; a dash between blanks parts two clauses; a hyphen inside a word only joins.
        if opens and touches:
            return "!"
        if before.isspace() and not raw[end:].strip():
            return "negative"
        if _AFTER_LINK.search(raw[max(start - 5, 0) : start]):
            return "!"
        return ";" if before.isspace() and after.isspace() else None
    if mark in "¬~":
        return "!" if after.isalpha() or after in '"(' else None
    if mark == "#":
        return None if after.isdigit() else "fracture"
    if mark == "!":
        return "!" if touches else "."
    if mark == "?":
        apart = after.isspace() and (before.isspace() or start == 0)
        return "?x" if (opens and touches) or apart else "x?"
    return _KEPT_MARKS.get(mark)
