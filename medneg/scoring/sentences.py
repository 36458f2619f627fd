"""What has to be said to a text tower about a query: phrases in templates, before anything is encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from medneg.scoring.doubts import contradicts
from medneg.values import Mention, Query, Repair

ANCHOR = "chest x-ray"
"""What is wanted when a query only says what is not: a sentence that is true of every image."""

NORMAL = "normal chest x-ray"
"""What one sees without a finding that has no counterpart of its own."""

Need = Literal["sentence", "wanted", "unwanted", "counterfactuals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the things that meet a mention.

    Attributes:
        text: words for the encoder.
        finding: its id in the lexicon, if it has one.
        normal: what one says when it is not there ("sharp costophrenic angles"), if there are such words.
    """

    text: str
    finding: str | None = None
    normal: str | None = None


Expand = Callable[[Mention], Sequence[Kind]]
"""What a mention stands for: itself in its own words first, then the findings that it includes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A phrase before it is encoded; several texts are averaged, and so are the normal ones.

    Where words were repaired, ``typed`` are the sentences with the words as they were typed, and ``trust``
    is how far the repair is to be believed.
    """

    label: str
    texts: tuple[str, ...]
    mention: Mention | None = None
    finding: str | None = None
    normals: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    trust: float = 1.0


def lines_of(query: Query, forms: tuple[str, ...], expand: Expand) -> dict[Need, tuple[Line, ...]]:
    """Everything that a method may need of a query, in the tower's sentences.

    Args:
        query: what was asked.
        forms: templates with one ``{}`` each; the tower's own first.
        expand: what a mention stands for.
    """
    wanted = tuple(
        _doubted(
            _line(mention.text, _wanted_kinds(mention, query, expand), forms, mention, mention.finding),
            query,
            forms,
        )
        for mention in query.affirmed
    )
    asked: set[str] = set()
    unwanted, counterfactuals = [], []
    for mention, opposite in zip(query.negated, query.counterfactuals, strict=True):
        for kind in () if contradicts(mention, query) else _unwanted_kinds(mention, query, expand):
            if kind.text not in asked:  # an image is pushed away from it once
                asked.add(kind.text)
                line = _line(f"not {kind.text}", (kind,), forms, mention, kind.finding)
                unwanted.append(_doubted(line, query, forms))
                both = (forms[0].format(opposite),)
                counterfactuals.append(Line(label=f"not {opposite}", texts=both, mention=mention))
    return {
        "sentence": (_sentence(query),),
        "wanted": wanted or (Line(label=ANCHOR, texts=(ANCHOR,)),),
        "unwanted": tuple(unwanted),
        "counterfactuals": tuple(counterfactuals),
    }


def _sentence(query: Query) -> Line:
    label = "whole sentence"
    if not query.repairs:
        return Line(label=label, texts=(query.sentence,))
    return Line(label=label, texts=(query.mended,), typed=(query.sentence,), trust=trust_in(query.repairs))


def _doubted(line: Line, query: Query, forms: tuple[str, ...]) -> Line:
    """The line with the words as they were typed, where its mention was read in repaired words."""
    if line.mention is None:
        return line
    words, trust = as_typed(line.mention, query)
    return line if words == line.mention.text else replace(line, typed=said(forms, [words]), trust=trust)


def as_typed(mention: Mention, query: Query) -> tuple[str, float]:
    """The words that a mention was read in, and how far the reading is to be believed.

    Returns:
        The mention's own text and 1 where no repair touches it.
    """
    span = mention.span or (0, 0)
    inside = [each for each in query.repairs if each.span[0] < span[1] and span[0] < each.span[1]]
    return (query.raw[slice(*span)], trust_in(inside)) if inside else (mention.text, 1.0)


def trust_in(repairs: Sequence[Repair]) -> float:
    """How much of several repairs is right, in expectation: their mean confidence.

    Example:
        >>> sure = Repair(original="efusion", better="effusion", span=(0, 7), confidence=1.0)
        >>> trust_in((sure, Repair(original="mst", better="mass", span=(8, 11), confidence=0.5)))
        0.75
    """
    return sum(each.confidence for each in repairs) / len(repairs)


def _wanted_kinds(mention: Mention, query: Query, expand: Expand) -> list[Kind]:
    """What meets a wanted mention, less what is excluded: *granuloma but no calcification* wants others."""
    refused = set()
    for other in query.negated:
        texts = {kind.text for kind in expand(other)}
        if not contradicts(other, query) and mention.text not in texts:
            refused |= texts
    return [kind for kind in expand(mention) if kind.text not in refused]


def _unwanted_kinds(mention: Mention, query: Query, expand: Expand) -> list[Kind]:
    """What an unwanted mention excludes, less what is wanted by name: of *granuloma but no lung lesion*,
    lesions other than granulomas."""
    kinds = expand(mention)
    texts = {kind.text for kind in kinds}
    spared = {kind.text for other in query.affirmed if other.text in texts for kind in expand(other)}
    return [kind for kind in kinds if kind.text not in spared]


def _line(
    label: str, kinds: Sequence[Kind], forms: tuple[str, ...], mention: Mention, finding: str | None
) -> Line:
    return Line(
        label=label,
        texts=said(forms, [kind.text for kind in kinds]),
        mention=mention,
        finding=finding,
        normals=said(forms, [kind.normal for kind in kinds if kind.normal is not None]),
    )


def said(forms: Sequence[str], phrases: Sequence[str]) -> tuple[str, ...]:
    """Every phrase in every form, each sentence once."""
    return tuple(dict.fromkeys(form.format(phrase) for phrase in phrases for form in forms))
