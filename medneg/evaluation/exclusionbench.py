"""ExclusionBench: questions about what should and should not be there, drawn from any gallery with labels.

ExcluCOCO's recipe (ExclMM, section 4): the findings of one picture become an inclusion–exclusion pair, one
of them to be excluded and the others included, and a pair is kept if the gallery can answer it. Hence for
each "A but no B" there are pictures that show both: the hard negatives. Beyond that recipe it asks for two
exclusions at once, for absence alone, for normality, with doubt, and, as a control, without any negation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import get_args

from numpy.random import Generator

from medneg.evaluation.questions import Kind, Question, answers, put
from medneg.evaluation.truth import Truth, related
from medneg.evaluation.wordings import Asked, Parse, Wording, carriers, fill
from medneg.query import lexicon

LEAST = 10
"""Pictures that must answer a question: with fewer, the first ten could not all be right."""

MOST = 100
"""Questions of a kind with three findings, drawn at random from what the gallery can answer."""


def exclusionbench(truth: Truth, *, how: Parse, rng: Generator) -> tuple[Question, ...]:
    """Every question that a gallery can answer, each in a structured and in a natural wording.

    Carriers take turns, so that every one of them is asked about as many findings as any other.

    Args:
        truth: what is known of the gallery.
        how: "real" reads the sentences with the parser, "gold" takes what they mean.
        rng: draws triples of findings, carriers and pools.
    """
    found = []
    for kind, asked in _all_asked(truth, rng):
        for wording in get_args(Wording):
            choices = carriers()[kind][wording]
            drawn = list(rng.permutation(len(choices)))
            for place, one in enumerate(asked):
                words = fill(choices[drawn[place % len(drawn)]], one)
                found.append(put(words, one, truth, kind=kind, wording=wording, how=how, rng=rng))
    return tuple(found)


def _all_asked(truth: Truth, rng: Generator) -> Iterator[tuple[Kind, Sequence[Asked]]]:
    findings = [
        finding for finding in truth.findings if lexicon().finding(finding).kind in ("finding", "device")
    ]
    pairs = list(_exclusions(findings, truth))
    triples = [three for three in permutations(findings, 3) if _unrelated(three)]
    yield "affirmed", [one for finding in findings if _answerable(one := Asked(wanted=(finding,)), truth)]
    yield (
        "two-affirmed",
        _some([one for two in combinations(findings, 2) if _kept(one := Asked(wanted=two), truth)], rng),
    )
    yield "negated", [one for finding in findings if _kept(one := Asked(unwanted=(finding,)), truth)]
    yield "normality", list(_normalities(truth))
    yield "exclusion", pairs
    yield (
        "two-wanted",
        _some(
            [
                one
                for a, a2, b in triples
                if a < a2 and _kept(one := Asked(wanted=(a, a2), unwanted=(b,)), truth)
            ],
            rng,
        ),
    )
    yield (
        "two-excluded",
        _some(
            [
                one
                for a, b, b2 in triples
                if b < b2 and _kept(one := Asked(wanted=(a,), unwanted=(b, b2)), truth)
            ],
            rng,
        ),
    )
    others = {pair.findings: [c for c in findings if _unrelated((*pair.findings, c))] for pair in pairs}
    yield (
        "uncertain",
        _some(
            [
                Asked(
                    wanted=pair.wanted, unwanted=pair.unwanted, open=(str(rng.choice(others[pair.findings])),)
                )
                for pair in pairs
                if others[pair.findings]
            ],
            rng,
        ),
    )


def _exclusions(findings: Sequence[str], truth: Truth) -> Iterator[Asked]:
    """All ordered pairs "A but no B" that some picture suggests and enough pictures answer."""
    for a, b in permutations(findings, 2):
        if _kept(one := Asked(wanted=(a,), unwanted=(b,)), truth):
            yield one


def _normalities(truth: Truth) -> Iterator[Asked]:
    """Statements of normality of which the labels know what they deny."""
    for finding in lexicon().findings:
        one = Asked(unwanted=finding.implies_absent, normal=finding.id)
        known = [truth.knows(name) for name in finding.implies_absent]
        if finding.kind == "normal" and known and all(known) and _kept(one, truth):
            yield one


def _kept(asked: Asked, truth: Truth) -> bool:
    """ExcluCOCO's conditions: distinct findings, a picture that shows what is excluded, enough answers."""
    return _unrelated(asked.findings) and _suggested(asked, truth) and _answerable(asked, truth)


def _suggested(asked: Asked, truth: Truth) -> bool:
    """Whether every unwanted finding stands beside the wanted ones in some picture."""
    wanted, _ = answers(Asked(wanted=asked.wanted), truth)
    return all((wanted & truth.shows(finding)).any() for finding in asked.unwanted)


def _answerable(asked: Asked, truth: Truth) -> bool:
    wanted, excluded = answers(asked, truth)
    return int((wanted & ~excluded & truth.all_known(asked.findings)).sum()) >= LEAST


def _unrelated(findings: Sequence[str]) -> bool:
    return not any(related(one, other) for one, other in combinations(findings, 2))


def _some(asked: Sequence[Asked], rng: Generator) -> list[Asked]:
    """At most ``MOST`` of them, in their order."""
    chosen = sorted(rng.permutation(len(asked))[:MOST])
    return [asked[place] for place in chosen]
