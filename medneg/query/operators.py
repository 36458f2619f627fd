"""Operators in capitals: AND, OR and NOT as people type them into search boxes."""

from __future__ import annotations

from dataclasses import replace

from medneg.query.normalise import Token

OPERATORS = frozenset({"AND", "OR", "NOT"})


def mark_operators(tokens: list[Token], raw: str) -> None:
    """Give operators their own stems, unless the whole text is in capitals.

    "effusion NOT calcification edema" excludes the calcification only; "effusion not calcification" is
    English, and so is "EFFUSION NOT CALCIFICATION".
    """
    if raw.isupper() or not any(each in raw for each in OPERATORS):
        return
    for place, token in enumerate(tokens):
        word = raw[token.start : token.end]
        if word in OPERATORS:
            tokens[place] = replace(token, stem=word)
